"""Settings as TOML, and the example that is shipped."""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from wan_healthd.config.fields import row_type, table_type
from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.config.printing import to_toml
from wan_healthd.domain.alert_ledger import Reminders
from wan_healthd.domain.settings import ApiSettings, ModelSettings, RootSettings, Settings, SweepSettings
from wan_healthd.domain.watching import WatchMode

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def test_the_effective_configuration() -> None:
    settings = Settings(
        roots=(RootSettings('/srv/"new"\nmodels'),),
        models=(ModelSettings("a\\b", "/srv/m", None, "hf:a/b@main", ("*.safetensors", "config.json")),),
        sweep=SweepSettings(incremental_every=0.5),
        api=ApiSettings(socket_group="wan"),
    )
    assert to_toml(settings) == (
        "[[roots]]\n"
        'path = "/srv/\\"new\\"\\u000Amodels"\n'
        'watch = "auto"\n'
        "\n"
        "[[models]]\n"
        'id = "a\\\\b"\n'
        'path = "/srv/m"\n'
        "# manifest is not set\n"
        'source = "hf:a/b@main"\n'
        'essential = ["*.safetensors", "config.json"]\n'
        "\n"
        "[health]\n"
        "check_interval_hours = 24.0\n"
        "performance_monitoring_enabled = true\n"
        "automatic_repair_enabled = true\n"
        "corruption_detection_enabled = true\n"
        "baseline_performance_days = 7\n"
        "performance_degradation_threshold = 0.2\n"
        "storage_warning_threshold = 0.8\n"
        "storage_critical_threshold = 0.95\n"
        "\n"
        "[sweep]\n"
        "incremental_every = 0.5\n"
        'full_every = "7d"\n'
        "# exposure_goal is not set\n"
        'poll_every = "5m"\n'
        'mode = "polite"\n'
        'while_generating = "pause"\n'
        "# max_rate is not set\n"
        "quiet_hours = []\n"
        "\n"
        "[hub]\n"
        "lookup = false\n"
        "\n"
        "[events]\n"
        'keep = "90d"\n'
        "most = 1000000\n"
        "\n"
        "[alerts]\n"
        'reminders = "diminishing"\n'
        "most_per_minute = 20\n"
        "\n"
        "[api]\n"
        "# socket is not set\n"
        'socket_group = "wan"\n'
        "# act_group is not set\n"
    )


def test_the_example_holds_the_defaults() -> None:
    assert load(ConfigSource(str(EXAMPLE), required=True)) == Settings()


def test_the_example_mentions_every_field_in_its_table() -> None:
    tables = {
        match[1]: set(re.findall(r"^#?(\w+) =", match[2], re.MULTILINE))
        for match in re.finditer(r"^#?\[+(\w+)\]+\n(.*?)(?=^#?\[|\Z)", EXAMPLE.read_text(), re.MULTILINE | re.DOTALL)
    }
    expected = {}
    for field in fields(Settings):
        kind = table_type(field) or row_type(field)
        assert kind is not None
        expected[field.encode_name] = {inner.encode_name for inner in fields(kind)}
    assert tables == expected


def test_the_example_explains_every_table_and_key() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [after for before, after in pairwise(lines) if re.match(r"#?(\w+ =|\[)", after) and not before.startswith("# ")]
    assert bare == []


@pytest.mark.parametrize("choices", [WatchMode, Reminders])
def test_the_example_names_every_choice(choices: type[StrEnum]) -> None:
    assert [choice for choice in choices if f'"{choice}"' not in EXAMPLE.read_text()] == []


def test_the_example_can_be_uncommented_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(re.sub(r"^#(?=[\w\[])", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    settings = load(ConfigSource(str(path), required=True))
    assert settings.roots == (RootSettings("/srv/models"),)
    assert settings.models[0].id == "wan2.2-ti2v-5b"
    assert settings.sweep == SweepSettings(86_400.0, exposure_goal=14 * 86_400.0, max_rate=200_000_000)
    assert None not in _values(settings.api)


def _values(table: Struct) -> list[object]:
    return [getattr(table, field.name) for field in fields(table)]
