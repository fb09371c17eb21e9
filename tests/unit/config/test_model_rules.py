"""`source` and `essential` of the stated models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.config.test_loader import errors, write
from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load


def configured(folder: Path, line: str) -> ConfigSource:
    return write(folder, f'[[roots]]\npath = "/m"\n[[models]]\nid = "a"\npath = "/m/a"\n{line}\n')


def test_good_ones(tmp_path: Path) -> None:
    settings = load(
        configured(tmp_path, 'source = "hf:a/b@main"\nessential = ["*.safetensors", "vae/config.json", "x[1].bin"]')
    )
    assert settings.models[0].source == "hf:a/b@main"
    assert settings.models[0].essential == ("*.safetensors", "vae/config.json", "x[1].bin")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Wan-AI/x", "it does not begin with hf:"),
        ("hf:x", "it has no owner before the name"),
        ("hf:a/b@", "what follows the @"),
    ],
)
def test_a_source_that_is_none(tmp_path: Path, source: str, said: str) -> None:
    (error,) = errors(configured(tmp_path, f"source = {json.dumps(source)}"))
    assert error.startswith("config.toml:3: models.source: expected a source")
    assert said in error
    assert "hf:Wan-AI/Wan2.2-TI2V-5B" in error


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("../x", "below the model's own folder"),
        ("/x", "below the model's own folder"),
        ("a//b", "below the model's own folder"),
        ("a/", "below the model's own folder"),
        ("./a", "below the model's own folder"),
        ("*/config.json", "* in the last part only"),
        ("w?*.bin", "no wildcard but *"),
        ("w[12]*", "no wildcard but *"),
    ],
)
def test_an_essential_file_that_cannot_be(tmp_path: Path, pattern: str, said: str) -> None:
    (error,) = errors(configured(tmp_path, f"essential = [{json.dumps(pattern)}]"))
    assert error.startswith("config.toml:3: models.essential: expected")
    assert said in error


@pytest.mark.parametrize("value", ['"*.bin"', "[1]", '[""]', "3"])
def test_what_is_no_list_of_texts(tmp_path: Path, value: str) -> None:
    (error,) = errors(configured(tmp_path, f"essential = {value}"))
    assert "expected a list of texts in quotes" in error
