"""What a file's name says."""

from __future__ import annotations

import pytest

from wan_healthd.domain.files import Role
from wan_healthd.layouts.names import (
    OWN_FOLDER,
    finished_name,
    format_of,
    in_flight,
    is_hidden_folder,
    is_judged_some_day,
    is_unfinished,
    role_of,
)

ROLES = {
    b"diffusion_pytorch_model-00001-of-00006.safetensors": Role.WEIGHTS,
    b"Wan2.1_VAE.pth": Role.WEIGHTS,
    b"LORA.SAFETENSORS": Role.WEIGHTS,
    b"wan.Q4_K_M.gguf": Role.WEIGHTS,
    b"license_plates.safetensors": Role.WEIGHTS,
    b"readme.bin": Role.WEIGHTS,
    b"\xff.ckpt": Role.WEIGHTS,
    b"config.json": Role.SUPPORT,
    b"diffusion_pytorch_model.safetensors.index.json": Role.SUPPORT,
    b"spiece.model": Role.SUPPORT,
    b"merges.txt": Role.SUPPORT,
    b"README.txt": None,
    b"LICENSE.txt": None,
    b"README.md": None,
    b"example.png": None,
    b".hidden.safetensors": None,
    b"model.safetensors.incomplete": None,
    b"model.safetensors.part": None,
    b"model.safetensors~": None,
    b"safetensors": None,
    b"": None,
}


@pytest.mark.parametrize("name", ROLES)
def test_a_name_gives_a_role(name: bytes) -> None:
    assert role_of(name) is ROLES[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"0a1b.5f6e7d8c.incomplete", True),
        (b"x.crdownload", True),
        (b"x.ARIA2", True),
        (b"x.tmp", True),
        (b"x.partial.safetensors", False),
    ],
)
def test_downloads_under_way_are_known_by_their_makers_suffix(name: bytes, expected: bool) -> None:
    assert is_unfinished(name) is expected


@pytest.mark.parametrize(("name", "expected"), [(OWN_FOLDER, True), (b".git", True), (b".cache", True), (b"vae", False)])
def test_hidden_folders_hold_no_models(name: bytes, expected: bool) -> None:
    assert is_hidden_folder(name) is expected


@pytest.mark.parametrize(("name", "expected"), [(b"a.safetensors", "safetensors"), (b"A.SFT", "safetensors"), (b"a.txt", None)])
def test_a_suffix_promises_a_format_that_we_can_judge(name: bytes, expected: str | None) -> None:
    assert format_of(name) == expected


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        (b"wan.safetensors", True),
        (b".wan.safetensors.a1B2c3", True),
        (b"0a1b.f9a6eb25.incomplete", True),
        (b"wan.gguf.crdownload", True),
        (b".wan.mp4.a1B2c3", False),
        (b".hidden.safetensors", False),
        (b"wan.mp4", False),
    ],
)
def test_what_grows_and_is_judged_some_day(name: bytes, is_ours: bool) -> None:
    assert is_judged_some_day(name) is is_ours


def test_what_a_control_file_stands_beside_is_in_flight() -> None:
    assert in_flight([b"a.safetensors", b"a.safetensors.aria2", b"b.safetensors", b"c.aria2"]) == {b"a.safetensors"}


@pytest.mark.parametrize(
    ("name", "whole"), [(b"w.gguf.part", b"w.gguf"), (b"w.aria2__temp", b"w"), (b"w.bin~", b"w.bin"), (b"w.bin", b"w.bin")]
)
def test_the_name_that_it_will_have(name: bytes, whole: bytes) -> None:
    assert finished_name(name) == whole
