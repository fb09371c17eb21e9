"""The hub token in files: which counts, and that no file can do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.unprivileged import Unprivileged
from wan_healthd.config.credentials import StoredToken, stored_token


def environ(folder: Path) -> dict[str, str]:
    """A service's environment; the client's own file lies in `hub` below the folder."""
    return {"CREDENTIALS_DIRECTORY": str(folder), "HF_HOME": str(folder / "hub")}


def complaint_about(folder: Path) -> str:
    found = stored_token(environ(folder))
    assert found.value is None
    assert found.complaint is not None
    return found.complaint.removeprefix(f"cannot use the hub token in {folder}/").removesuffix("; the hub is asked without one")


def test_nothing_is_there(tmp_path: Path) -> None:
    assert stored_token(environ(tmp_path)) == StoredToken()


def test_the_managers_credential_comes_before_the_clients_own_file(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "token").write_text("hf_own\n")
    assert stored_token(environ(tmp_path)).value == "hf_own"
    (tmp_path / "hf-token").write_text("  hf_credential \r\nsecond line")
    assert stored_token(environ(tmp_path)).value == "hf_credential"


@pytest.mark.parametrize("variable", ["HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME"])
def test_the_clients_own_file_is_where_the_client_looks(tmp_path: Path, variable: str) -> None:
    place = {"HF_TOKEN_PATH": "mine", "HF_HOME": "token", "XDG_CACHE_HOME": "huggingface/token"}[variable]
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("hf_own")
    stated = tmp_path / "mine" if variable == "HF_TOKEN_PATH" else tmp_path
    assert stored_token({variable: str(stated)}).value == "hf_own"


@pytest.mark.parametrize("content", [b"", b"\n", b"  \nhf_late", b"hf \x1b[2J", b"\xff\xfe", b"two words", "tökén".encode()])
def test_what_is_no_token_is_told_and_never_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hf-token").write_bytes(content)
    assert complaint_about(tmp_path) in (
        "hf-token: its first line is empty",
        "hf-token: its first line holds characters that no token has",
    )


def test_an_endless_line_is_read_within_bounds(tmp_path: Path) -> None:
    with (tmp_path / "hf-token").open("wb") as file:
        file.write(b"x" * 5000)
    assert complaint_about(tmp_path) == "hf-token: its first line is longer than any token"


def test_neither_a_fifo_nor_a_folder_holds_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hf-token")
    assert complaint_about(tmp_path) == "hf-token: it is no regular file"
    (tmp_path / "hf-token").unlink()
    (tmp_path / "hf-token").mkdir()
    assert complaint_about(tmp_path) == "hf-token: it is no regular file"


ASK = "import os; from wan_healthd.config.credentials import stored_token; print(stored_token(os.environ).complaint)"


def test_one_that_may_not_be_read_is_told(unprivileged: Unprivileged) -> None:
    folder = unprivileged.folder
    (folder / "hf-token").write_text("hf_of_somebody_else")
    (folder / "hf-token").chmod(0)
    told = unprivileged.run([unprivileged.python, "-c", ASK], env={"CREDENTIALS_DIRECTORY": str(folder)}).stdout
    assert "/hf-token: Permission denied" in told
