"""Small values with a rule of their own."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from wan_healthd.domain.alerts import AlertClass
from wan_healthd.domain.catalogue import FILE_EMPTY, TRANSIENT_READ
from wan_healthd.domain.digests import BLOCK_BYTES, Assurance, BlockMap, block_count, weakest
from wan_healthd.domain.errors import HealthdError, WorkerRefused
from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import FileLook, Presence, Role
from wan_healthd.domain.findings import Cause, CorruptionType, Finding, Severity
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.paths import base64_if_needed, display, printable, printable_lines
from wan_healthd.domain.ports import BlockRun, ReadOutcome
from wan_healthd.domain.settings import HealthCheckConfig, Settings, SweepSettings
from wan_healthd.domain.verdicts import HealthStatus

DIGEST = bytes(range(32))


def test_enums_are_the_requirements_names_in_lower_case() -> None:
    for enum in (CorruptionType, HealthStatus, Severity):
        assert [member.value for member in enum] == [member.name.lower() for member in enum]


def test_severities_rise() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [*Severity]
    assert [*Severity] == ["low", "medium", "high", "critical"]


def test_priorities_are_the_requirements() -> None:
    assert {alert.value: alert.priority for alert in AlertClass} == {"critical": 2, "warning": 4, "maintenance": 5, "info": 6}


def test_a_finding_prints_as_its_message_and_knows_advice() -> None:
    assert str(FILE_EMPTY.at(b"/a")) == "a is empty"
    assert TRANSIENT_READ.at(b"/a", what="x").is_advice
    assert not FILE_EMPTY.at(b"/a").is_advice


@pytest.mark.parametrize("path", [b"/m/a", b"/m/\xff"])
def test_a_finding_in_json_has_the_keys_of_the_contract_and_comes_back(path: bytes) -> None:
    finding = msgspec.structs.replace(
        FILE_EMPTY.at(path, ranges=[ByteRange(0, 5)], cause=Cause.DISK), first_seen=datetime(2025, 1, 2, tzinfo=UTC)
    )
    encoded = msgspec.json.encode(finding)
    keys = {
        "code", "category", "corruption_type", "severity", "path", "message", "suggestion", "ranges", "tensors", "cause",
        "first_seen",
    }  # fmt: skip
    document = msgspec.json.decode(encoded)
    assert set(document) == keys | ({"path_b64"} if b"\xff" in path else set())
    assert document["ranges"] == [{"offset": 0, "length": 5}]
    assert msgspec.json.decode(encoded, type=Finding) == finding


@pytest.mark.parametrize(
    ("size_bytes", "blocks"), [(0, 0), (1, 1), (BLOCK_BYTES, 1), (BLOCK_BYTES + 1, 2), (5 * BLOCK_BYTES, 5)]
)
def test_blocks_are_counted_with_the_short_last_one(size_bytes: int, blocks: int) -> None:
    assert block_count(size_bytes) == blocks


@pytest.mark.parametrize("digests", [b"", DIGEST, DIGEST * 3, DIGEST * 2 + b"x"])
def test_a_block_map_needs_a_digest_for_each_block(digests: bytes) -> None:
    with pytest.raises(ValueError, match="exactly one digest"):
        BlockMap(BLOCK_BYTES + 1, digests)


@pytest.mark.parametrize(
    ("assurances", "claimed"),
    [
        (set(), None),
        ({Assurance.DISK}, Assurance.DISK),
        ({Assurance.DISK, Assurance.AS_RECEIVED}, Assurance.AS_RECEIVED),
        ({Assurance.DISK, Assurance.UNPROVEN, Assurance.AS_RECEIVED}, Assurance.UNPROVEN),
        ({*Assurance}, Assurance.MEMORY),
    ],
)
def test_a_whole_is_as_well_proven_as_its_weakest_part(assurances: set[Assurance], claimed: Assurance | None) -> None:
    assert weakest(frozenset(assurances)) is claimed


@pytest.mark.parametrize(
    ("size_bytes", "allocated_bytes", "expected"), [(9, 0, True), (9, 512, False), (9, None, False), (0, 0, False)]
)
def test_a_file_with_a_size_but_no_block_is_one_hole(size_bytes: int, allocated_bytes: int | None, expected: bool) -> None:
    look = FileLook(Presence.FILE, FileIdentity("fs", 1, size_bytes, 1, 1), allocated_bytes=allocated_bytes)
    assert FileEvidence(b"/a", Role.WEIGHTS, look).is_one_hole is expected


def test_what_is_not_there_is_no_hole() -> None:
    assert not FileEvidence(b"/a", Role.WEIGHTS, FileLook(Presence.ABSENT, allocated_bytes=0)).is_one_hole


def test_a_run_knows_where_it_ends() -> None:
    assert BlockRun(3, DIGEST * 2, Assurance.DISK).end_block == 5


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), True),
        ((1, 2, 3, 4), (1, 2, 3, 5), False),
        ((1, 2, 3, 5), (1, 2, 3, 5), False),
        ((1, 2, 3, 5), (1, 2, 3, 4), False),
    ],
)
def test_a_read_counts_only_for_the_state_it_was_of(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], expected: bool
) -> None:
    assert ReadOutcome(before, after, None, Assurance.DISK).is_of(FileIdentity("fs", 1, 2, 3, 4)) is expected


@pytest.mark.parametrize(
    ("path", "shown", "exact"),
    [
        (b"/m/a b.safetensors", "/m/a b.safetensors", None),
        ("/m/modèle-模型".encode(), "/m/modèle-模型", None),
        (b"/m/\xff", "/m/\N{REPLACEMENT CHARACTER}", "L20v/w=="),
        (b"/m/a\nb", r"/m/a\nb", "L20vYQpi"),
        (b"/m/\x1b[31m", r"/m/\x1b[31m", "L20vG1szMW0="),
        ("/m/\N{RIGHT-TO-LEFT OVERRIDE}".encode(), r"/m/\u202e", "L20v4oCu"),
    ],
)
def test_paths_are_shown_harmlessly(path: bytes, shown: str, exact: str | None) -> None:
    assert (display(path), base64_if_needed(path)) == (shown, exact)


def test_lone_surrogates_become_escapes() -> None:
    assert printable("a\ud800") == r"a\ud800"


def test_errors_for_people_carry_a_code_and_a_cure() -> None:
    error = WorkerRefused("cannot examine the file: EIO", "EIO")
    assert isinstance(error, HealthdError)
    assert (str(error), error.code, error.suggestion, error.errno_name) == (error.message, "worker-refused", "", "EIO")


@pytest.mark.parametrize(("every_s", "expected"), [(None, 7200.0), (90.0, 90.0)])
def test_the_incremental_sweep_follows_the_check_interval_unless_stated(every_s: float | None, expected: float) -> None:
    settings = Settings(health=HealthCheckConfig(check_interval_hours=2), sweep=SweepSettings(incremental_every=every_s))
    assert settings.incremental_every_s == expected


def test_of_several_lines_none_passes_for_another_ones() -> None:
    assert (
        printable_lines("two errors\na: \x1b[31m\nhealthctl: all is well")
        == "two errors\n  a: \\x1b[31m\n  healthctl: all is well"
    )
    assert printable_lines("one\rline") == "one\\rline"
