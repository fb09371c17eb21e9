"""Good files, merged files, and every error with its file, line, key and cure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wan_healthd.config.files import MAX_FILE_BYTES, ConfigSource, find_source
from wan_healthd.config.loader import load
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.settings import HealthCheckConfig, ModelSettings, RootSettings, Settings, SweepSettings


def write(folder: Path, text: str | bytes, name: str = "config.toml") -> ConfigSource:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ConfigSource(str(folder / "config.toml"), required=True)


def errors(source: ConfigSource) -> list[str]:
    """The messages without the folder's name."""
    with pytest.raises(ConfigInvalid) as caught:
        load(source)
    first, *rest = caught.value.message.splitlines()
    assert first == f"cannot use the configuration: {len(rest)} error{'s' * (len(rest) != 1)}"
    assert caught.value.suggestion
    return [line.replace(f"{Path(source.file).parent}/", "") for line in rest]


def test_everything_has_a_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == Settings()


def test_a_full_file(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        """
        [[roots]]
        path = "/srv//models/./wan/"
        [[roots]]
        path = "/data"
        [[models]]
        id = "Wan-AI/Wan2.2-TI2V-5B"
        path = "/data/Wan2.2-TI2V-5B/"
        [health]
        check_interval_hours = 6
        storage_warning_threshold = 0.7
        [sweep]
        incremental_every = "90s"
        full_every = 3600
        [api]
        socket = "/run/wan/control.sock"
        """,
    )
    settings = load(source)
    assert settings.roots == (RootSettings("/srv/models/wan"), RootSettings("/data"))
    assert settings.models == (ModelSettings("Wan-AI/Wan2.2-TI2V-5B", "/data/Wan2.2-TI2V-5B"),)
    assert settings.health == HealthCheckConfig(check_interval_hours=6.0, storage_warning_threshold=0.7)
    assert settings.sweep == SweepSettings(incremental_every=90.0, full_every=3600.0)
    assert settings.api.socket == "/run/wan/control.sock"


def test_drop_ins_override_by_name_and_add_rows(tmp_path: Path) -> None:
    write(tmp_path, "[health]\nbaseline_performance_days = 3\n[[roots]]\npath = '/b'", "conf.d/20-late.toml")
    write(tmp_path, "[health]\nbaseline_performance_days = 2\n[sweep]\nfull_every = '1d'", "conf.d/10-early.toml")
    write(tmp_path, "nonsense", "conf.d/30-backup.toml~")
    write(tmp_path, "nonsense", "conf.d/.40-hidden.toml")
    source = write(tmp_path, "[health]\ncheck_interval_hours = 1\nbaseline_performance_days = 1\n[[roots]]\npath = '/a'")
    settings = load(source)
    assert settings.health == HealthCheckConfig(check_interval_hours=1.0, baseline_performance_days=3)
    assert settings.sweep.full_every == 86_400.0
    assert settings.roots == (RootSettings("/a"), RootSettings("/b"))


def test_an_absent_default_file_means_defaults_but_its_drop_ins_count(tmp_path: Path) -> None:
    source = ConfigSource(str(tmp_path / "config.toml"), required=False)
    assert load(source) == Settings()
    write(tmp_path, "[[roots]]\npath = '/a'", "conf.d/a.toml")
    assert load(source).roots == (RootSettings("/a"),)


def test_an_absent_explicit_file_is_an_error(tmp_path: Path) -> None:
    assert errors(ConfigSource(str(tmp_path / "config.toml"), required=True)) == [
        "config.toml: cannot read the file: No such file or directory; correct the path or the file's permissions"
    ]


def test_where_the_file_is_looked_for() -> None:
    assert find_source("my.toml", {"CONFIGURATION_DIRECTORY": "/x"}) == ConfigSource("my.toml", required=True)
    assert find_source(None, {}) == ConfigSource("/etc/wan-healthd/config.toml", required=False)
    assert find_source(None, {"CONFIGURATION_DIRECTORY": "/x:/y"}) == ConfigSource("/x/config.toml", required=False)


def test_all_errors_of_all_files_at_once(tmp_path: Path) -> None:
    write(tmp_path, "[sweep]\nfull_every = true\n", "conf.d/a.toml")
    write(tmp_path, "[sweep\n", "conf.d/b.toml")
    source = write(
        tmp_path,
        """[health]
check_interval_hour = 3
automatic_repair_enabled = "yes"

[sweep]
full_every = "7 days"

[[roots]]
pth = "/a"
""",
    )
    assert errors(source) == [
        "config.toml:2: health.check_interval_hour: unknown key; did you mean check_interval_hours?",
        'config.toml:3: health.automatic_repair_enabled: expected true or false, found "yes"; the default is true',
        'config.toml:6: sweep.full_every: expected a duration such as "90s", "15m", "1h" or "7d" above 0 and at most 3650d, '
        'found "7 days"; write a number and a unit (s, m, h or d) in quotes',
        "config.toml:9: roots[0].pth: unknown key; did you mean path?",
        'config.toml:8: roots[0].path: is missing; add path = "/srv/models"',
        'conf.d/a.toml:2: sweep.full_every: expected a duration such as "90s", "15m", "1h" or "7d" above 0 and at most 3650d, '
        "found true; write a number and a unit (s, m, h or d) in quotes",
        "conf.d/b.toml:1: cannot read the file as TOML: Expected ']' at the end of a table declaration; "
        "correct it; see https://toml.io for how values are written",
    ]


VALUES = {
    "unknown table": ("[helth]", "config.toml:1: helth: unknown key; did you mean health?"),
    "unknown key, nothing like it": (
        "[api]\nzzz = 1",
        "config.toml:2: api.zzz: unknown key; known here: socket, socket_group, act_group",
    ),
    "boolean for a number": (
        "[health]\nbaseline_performance_days = true",
        "config.toml:2: health.baseline_performance_days: expected a whole number of at least 1 and at most 3650, "
        "found true; the default is 7",
    ),
    "number for a boolean": (
        "health.automatic_repair_enabled = 1",
        "config.toml:1: health.automatic_repair_enabled: expected true or false, found 1; the default is true",
    ),
    "fraction for a whole number": (
        "[health]\nbaseline_performance_days = 1.5",
        "config.toml:2: health.baseline_performance_days: expected a whole number of at least 1 and at most 3650, "
        "found 1.5; the default is 7",
    ),
    "text for a number": (
        '[health]\nstorage_warning_threshold = "80%"',
        "config.toml:2: health.storage_warning_threshold: expected a number above 0 and at most 1, "
        'found "80%"; the default is 0.8',
    ),
    "above its bound": (
        "[health]\nstorage_warning_threshold = 80",
        "config.toml:2: health.storage_warning_threshold: expected a number above 0 and at most 1, "
        "found 80; the default is 0.8",
    ),
    "not a number": (
        "[health]\ncheck_interval_hours = nan",
        "config.toml:2: health.check_interval_hours: expected a number above 0 and at most 87600, "
        "found nan; the default is 24.0",
    ),
    "infinite": (
        "[sweep]\nfull_every = inf",
        'config.toml:2: sweep.full_every: expected a duration such as "90s", "15m", "1h" or "7d" above 0 and at most 3650d, '
        'found inf; the default is "7d"',
    ),
    "a date": (
        "[health]\ncheck_interval_hours = 2026-01-01",
        "config.toml:2: health.check_interval_hours: expected a number above 0 and at most 87600, "
        "found the date or time 2026-01-01; the default is 24.0",
    ),
    "an array for a value": (
        "[api]\nsocket_group = ['a']",
        "config.toml:2: api.socket_group: expected text in quotes, found an array; correct it, or remove the line",
    ),
    "a value for a table": (
        "health = 3",
        "config.toml:1: health: expected a table, found 3; write [health] on a line and its keys below",
    ),
    "a table for rows": (
        "[roots]\npath = '/a'",
        "config.toml:1: roots: expected an array of tables, found a table; write [[roots]] and its keys below",
    ),
    "texts for rows": (
        "roots = ['/a']",
        'config.toml:1: roots[0]: expected a table, found "/a"; write [[roots]] and its keys below',
    ),
    "relative root": (
        "[[roots]]\n\npath = 'models'",
        'config.toml:3: roots[0].path: expected an absolute path such as "/srv/models", '
        'found "models"; write the whole path, from / on',
    ),
    "home": (
        "roots = [{path = '~/models'}]",
        'config.toml:1: roots[0].path: expected an absolute path such as "/srv/models", '
        'found "~/models"; write the whole path: ~ is not expanded here',
    ),
    "dots in a path": (
        "[[roots]]\npath = '/srv/../models'",
        'config.toml:2: roots[0].path: expected an absolute path such as "/srv/models", '
        'found "/srv/../models"; write the path without ..',
    ),
    "NUL in a path": (
        '[[roots]]\npath = "/srv\\u0000"',
        'config.toml:2: roots[0].path: expected an absolute path such as "/srv/models", '
        'found "/srv\\x00"; remove the NUL character',
    ),
    "number for a path": (
        "[[roots]]\npath = 5",
        'config.toml:2: roots[0].path: expected an absolute path such as "/srv/models", found 5; write the path in quotes',
    ),
    "empty id": (
        "[[roots]]\npath = '/a'\n[[models]]\nid = ''\npath = '/a/b'",
        "config.toml:4: models[0].id: expected text in quotes, 1 to 512 characters, "
        'found ""; correct it',
    ),
    "missing id": (
        "[[roots]]\npath = '/a'\n[[models]]\npath = '/a/b'",
        'config.toml:3: models[0].id: is missing; add id = "…"',
    ),
    "terminal escape in an id": (
        '[[roots]]\npath = "/a"\n[[models]]\nid = "\\u001b[2J"\npath = "/a/b"',
        "config.toml:3: models.id: expected printable text without spaces around it; "
        "write a plain name such as wan2.2-ti2v-5b",
    ),
    "thresholds in the wrong order": (
        "[health]\nstorage_warning_threshold = 0.96",
        "config.toml:2: health.storage_warning_threshold: expected less than storage_critical_threshold (0.95), "
        "found 0.96; lower it, or raise the other",
    ),
    "threshold below the default of the other": (
        "[health]\nstorage_critical_threshold = 0.5",
        "config.toml:2: health.storage_warning_threshold: expected less than storage_critical_threshold (0.5), "
        "found 0.8; lower it, or raise the other",
    ),
    "root twice": (
        "[[roots]]\npath = '/a'\n[[roots]]\npath = '/a/'",
        'config.toml:3: roots.path: "/a" stands twice, first at config.toml:1; remove one of them',
    ),
    "root in a root": (
        "[[roots]]\npath = '/a/b'\n[[roots]]\npath = '/a'",
        'config.toml:1: roots.path: "/a/b" lies below the root "/a" (config.toml:3), which covers it; remove one of them',
    ),
    "model twice": (
        "[[roots]]\npath = '/a'\n[[models]]\nid = 'm'\npath = '/a/b'\n[[models]]\nid = 'm'\npath = '/a/c'",
        'config.toml:6: models.id: "m" stands twice, first at config.toml:3; remove one of them',
    ),
    "model's place twice": (
        "[[roots]]\npath = '/a'\n[[models]]\nid = 'm'\npath = '/a/b'\n[[models]]\nid = 'n'\npath = '/a/b'",
        'config.toml:6: models.path: "/a/b" stands twice, first at config.toml:3; remove one of them',
    ),
    "model outside": (
        "[[roots]]\npath = '/a'\n[[models]]\nid = 'm'\npath = '/ab'",
        'config.toml:3: models.path: expected a path below one of the [[roots]], found "/ab"; '
        "add a root that holds it, or correct the path",
    ),
    "long socket": (
        f"[api]\nsocket = '/{'x' * 107}'",
        "config.toml:2: api.socket: expected a path of at most 107 bytes, found 108; "
        "choose a shorter path: the system allows no longer socket names",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_one_error(name: str, tmp_path: Path) -> None:
    text, message = VALUES[name]
    assert errors(write(tmp_path, text)) == [message]


def test_a_model_may_be_its_root(tmp_path: Path) -> None:
    text = "[[roots]]\npath = '/a'\n[[models]]\nid = 'm'\npath = '/a'\n"
    assert load(write(tmp_path, text)).models[0].path == "/a"
    assert load(write(tmp_path, text.replace("'/a'", "'/'", 1))).models[0].path == "/a"


def test_models_are_not_called_homeless_while_roots_are_wrong(tmp_path: Path) -> None:
    assert len(errors(write(tmp_path, "[[roots]]\npath = 'a'\n[[models]]\nid = 'm'\npath = '/a/b'"))) == 1


FILES = {
    "not UTF-8": (
        b"# \n[api]\nsocket = '/\xff'",
        "config.toml:3: cannot read the file: it is not UTF-8 text; save it as UTF-8",
    ),
    "too large": (
        b"#" * (MAX_FILE_BYTES + 1),
        "config.toml: cannot read the file: it is larger than 1048576 bytes; correct the path",
    ),
    "key twice": (
        b"[api]\nsocket = '/a'\nsocket = '/b'\n",
        "config.toml:3: cannot read the file as TOML: Cannot overwrite a value; "
        "correct it; see https://toml.io for how values are written",
    ),
    "endless nesting": (
        b"x = " + b"[" * 100_000,
        "config.toml: cannot read the file as TOML: it nests too deeply; "
        "correct it; see https://toml.io for how values are written",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_one_file_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    content, message = FILES[name]
    assert errors(write(tmp_path, content)) == [message]


def test_a_number_of_thousands_of_digits_is_an_error(tmp_path: Path) -> None:
    (message,) = errors(write(tmp_path, f"[health]\ncheck_interval_hours = {'9' * 5000}"))
    assert message.startswith("config.toml: cannot read the file as TOML: Exceeds the limit")
    (message,) = errors(write(tmp_path, f"[sweep]\nfull_every = {'9' * 4000}"))
    assert "found 999" in message
    assert message.endswith("…; write a smaller number")


def test_folders_in_the_place_of_files(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    (tmp_path / "conf.d").write_bytes(b"")
    assert errors(ConfigSource(str(tmp_path / "config.toml"), required=False)) == [
        "conf.d: cannot list the folder: Not a directory; correct its permissions",
        "config.toml: cannot read the file: Is a directory; correct the path or the file's permissions",
    ]


def test_messages_are_printable(tmp_path: Path) -> None:
    (message,) = errors(write(tmp_path, '"\\u001b[31mroots\\n" = 1'))
    assert message.isprintable()


def test_importing_it_is_cheap() -> None:
    listed = "import sys, wan_healthd.config.loader; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", listed], check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "sqlite3", "watchdog", "aiohttp", "difflib", "structlog"} & set(modules)
