"""Checksum files in every dialect that is met beside models."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.provenance.builders import NOTHING_SHA256, SUBJECT, A, B, ask, codes, digests
from wan_healthd.domain.evidence import Claim
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.provenance import sum_lines
from wan_healthd.provenance.sources import LIMIT_BYTES, SourceKind, Told, Unusable
from wan_healthd.provenance.sum_lines import SumLine

OWN = "model.safetensors"
PLACE = b"/models/wan/high/model.safetensors.sha256"


def ask_sidecar(data: str | bytes) -> Told:
    return ask(SourceKind.SIDECAR, data if isinstance(data, bytes) else data.encode(), path=PLACE)


def ask_sums(data: str) -> Told:
    return ask(SourceKind.SUMS, data.encode(), path=b"/models/wan/SHA256SUMS")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"{A}  x", b"x"),
        (f"{A} *x", b"x"),
        (f"{A} x", b"x"),
        (f"{A}\tx", b"x"),
        (f"{A.upper()}  x", b"x"),
        (f"{A}  a b  c", b"a b  c"),
        (f"{A}   x", b" x"),
        (f"{A} **x", b"*x"),
        (f"{A}  x\r", b"x"),
        (f"SHA256 (x) = {A}", b"x"),
        (f"SHA256(x)= {A}", b"x"),
        (f"SHA2-256(x)= {A}", b"x"),
        (f"SHA256 (a (1).bin) = {A}", b"a (1).bin"),
        (f"\\{A}  a\\nb\\\\c\\rd", b"a\nb\\c\rd"),
        (f"\\SHA256 (a\\nb) = {A}", b"a\nb"),
        (f"{A}  a\\nb", b"a\\nb"),
        (A, None),
        (f"{A}  ", None),
        (f"{A}  -", None),
        (f"{A} *-", None),
        (f"\ufeff{A}  x", b"x"),
    ],
)
def test_a_line_in_each_dialect(line: str, name: bytes | None) -> None:
    assert sum_lines.parse(line.encode()) == (SumLine(1, A, name),)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# a comment",
        f"# {A}  x",
        "hello",
        f"{A[:63]}  x",
        f"{A}b  x",
        f"{A[:40]}  x",
        f"{A}{A}  x",
        f"MD5 (x) = {A[:32]}",
        f"SHA512 (x) = {A}{A}",
        f"SHA256 () = {A}",
        f"SHA256 (x) = {A[:63]}",
        f"\\{A}  bad\\escape",
        f"\\{A}  ends in\\",
        f"{A}:x",
        "-----BEGIN PGP SIGNED MESSAGE-----",
        "\0" * 70,
    ],
)
def test_a_line_that_gives_no_sha256_is_passed_over(line: str) -> None:
    assert isinstance(sum_lines.parse(line.encode()), Unusable)
    assert sum_lines.parse(f"{line}\n{B}  y\n".encode()) == (SumLine(2, B, b"y"),)


def test_the_real_tools_lines_are_read(tmp_path: Path) -> None:
    names = ["plain", "with space", " leading", "star*", "(1)", "back\\slash", "new\nline", "carriage\rreturn", "ü"]
    for name in names:
        (tmp_path / name).write_text(name)
    for options in ([], ["--binary"], ["--tag"]):
        done = subprocess.run(["sha256sum", *options, *names], cwd=tmp_path, capture_output=True, timeout=10, check=True)
        lines = sum_lines.parse(done.stdout)
        assert not isinstance(lines, Unusable)
        assert [line.name for line in lines] == [name.encode() for name in names], options


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_is_named(mark: bytes) -> None:
    parsed = sum_lines.parse(mark + A.encode("utf-16-le"))
    assert isinstance(parsed, Unusable) and "UTF-16" in parsed.reason


def test_a_list_may_not_be_endless() -> None:
    lines = f"{A}  x\n".encode()
    assert isinstance(sum_lines.parse(lines + b"\n" * 100_000), Unusable)
    assert codes(ask_sidecar(lines + b"#" * LIMIT_BYTES[SourceKind.SIDECAR])) == ["source-unusable"]


@pytest.mark.parametrize("data", [A, f"{A}\n", f"{A}  {OWN}\n", f"{A} *./dist/{OWN}\n", f"{A}  /build/out/{OWN}", f"{A}  -\n"])
def test_a_sidecar_speaks_of_its_own_file(data: str) -> None:
    claim = Claim(VerifiedBy.SIDECAR, f"line 1 of {PLACE.decode()}", sha256=A)
    assert ask_sidecar(data) == Told(claims=(claim,))


@pytest.mark.parametrize("data", [f"{A}  other.safetensors\n", f"{A}  x/\n", f"{A}  {OWN.upper()}\n{B}  b\n"])
def test_a_sidecar_for_another_file_is_never_applied(data: str) -> None:
    answer = ask_sidecar(data)
    assert answer.claims == () and codes(answer) == ["sidecar-for-another"]
    assert answer.findings[0].path == SUBJECT.path.decode() and PLACE.decode() in answer.findings[0].message


def test_lines_for_others_beside_ones_own_are_passed_over() -> None:
    assert ask_sidecar(f"{B}  other\n{A}  {OWN}\n").claims[0].authority == f"line 2 of {PLACE.decode()}"


def test_lines_that_disagree_are_claims_that_contradict() -> None:
    answer = ask_sidecar(f"{A}  {OWN}\n{A}  {OWN}\n{B}  {OWN}\n")
    assert digests(answer) == [A, B]
    assert [claim.authority.split(" of ")[0] for claim in answer.claims] == ["line 1", "line 3"]


def test_a_thousand_lines_that_disagree_are_cut() -> None:
    lines = "".join(f"{number:064x}  {OWN}\n" for number in range(1, 1000))
    assert len(ask_sidecar(lines).claims) == 4


def test_a_placeholder_in_a_sidecar_is_refused() -> None:
    assert codes(ask_sidecar(NOTHING_SHA256)) == ["digest-refused"]


@pytest.mark.parametrize("name", ["high/model.safetensors", "./high/model.safetensors", ".//high/model.safetensors"])
def test_a_list_names_files_from_its_own_folder(name: str) -> None:
    answer = ask_sums(f"{B}  other\n{A}  {name}\n")
    assert answer.claims == (Claim(VerifiedBy.SIDECAR, "line 2 of /models/wan/SHA256SUMS", sha256=A),)


@pytest.mark.parametrize("name", ["model.safetensors", "../wan/high/model.safetensors", "HIGH/model.safetensors", "high"])
def test_a_list_claims_nothing_of_files_that_it_does_not_name(name: str) -> None:
    assert ask_sums(f"{A}  {name}\n") == Told()


def test_digests_without_names_are_about_nothing_in_a_list() -> None:
    assert codes(ask_sums(f"{A}\n")) == ["source-unusable"]
    assert ask_sums(f"{A}\n{B}  high/model.safetensors\n").claims[0].sha256 == B
