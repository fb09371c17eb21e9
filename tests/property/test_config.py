"""Whatever the settings are, printing and loading gives them back; whatever the file is, loading answers or explains."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wan_healthd.config.files import ConfigSource
from wan_healthd.config.loader import load
from wan_healthd.config.printing import to_toml
from wan_healthd.domain.errors import ConfigInvalid
from wan_healthd.domain.settings import (
    ApiSettings,
    HealthCheckConfig,
    ModelSettings,
    RootSettings,
    Settings,
    SweepSettings,
)

unhurried = settings(deadline=None)  # the machine is shared

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
names = texts.filter(lambda text: "/" not in text and "\0" not in text and text not in (".", ".."))
ids = texts.filter(lambda text: text.isprintable() and text == text.strip())
durations = st.floats(0, 3650 * 86_400, exclude_min=True) | st.integers(1, 3650).map(lambda days: days * 86_400.0)


@st.composite
def all_settings(draw: st.DrawFn) -> Settings:
    low, high = sorted(draw(st.lists(st.floats(0.01, 1), min_size=2, max_size=2, unique=True)))
    roots = [f"/{name}" for name in draw(st.lists(names, max_size=3, unique=True))]
    places = draw(st.lists(st.tuples(st.sampled_from(roots), names), max_size=3, unique=True)) if roots else []
    model_ids = draw(st.lists(ids, min_size=len(places), max_size=len(places), unique=True))
    return Settings(
        roots=tuple(map(RootSettings, roots)),
        models=tuple(ModelSettings(id_, f"{root}/{name}") for id_, (root, name) in zip(model_ids, places, strict=True)),
        health=HealthCheckConfig(
            check_interval_hours=draw(st.floats(0, 87_600, exclude_min=True)),
            automatic_repair_enabled=draw(st.booleans()),
            baseline_performance_days=draw(st.integers(1, 3650)),
            performance_degradation_threshold=draw(st.floats(0, 1, exclude_min=True)),
            storage_warning_threshold=low,
            storage_critical_threshold=high,
        ),
        sweep=SweepSettings(incremental_every=draw(st.none() | durations), full_every=draw(durations)),
        api=ApiSettings(socket_group=draw(st.none() | texts), act_group=draw(st.none() | texts)),
    )


def loaded(content: bytes) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(content)
        return load(ConfigSource(str(path), required=True))


@unhurried
@given(all_settings())
def test_printed_settings_load_back(wanted: Settings) -> None:
    assert loaded(to_toml(wanted).encode()) == wanted


values = st.sampled_from(
    ["true", "0", "-1", "1.5", "inf", "nan", '"1h"', '"/a"', "'/a/b'", "[]", "[{}]", "{}", "{path='/a'}",
     "[{path='/a',id='x'}]", "2026-01-01", "12:00:00", "'''\n[[roots]]\n'''", "9" * 4000]
)  # fmt: skip
keys = st.sampled_from(
    ["roots", "models", "health", "sweep", "api", "path", "id", "socket", "full_every", "incremental_every", "zzz", '"a b"',
     "health.storage_warning_threshold", "storage_critical_threshold", "check_interval_hours"]
)  # fmt: skip
lines = st.one_of(
    st.builds("{} = {}".format, keys, values),
    st.builds("[{}]".format, keys),
    st.builds("[[{}]]".format, keys),
    texts,
)


@unhurried
@given(st.lists(lines, max_size=8).map("\n".join).map(str.encode) | st.binary(max_size=40))
def test_any_file_is_loaded_or_explained(content: bytes) -> None:
    try:
        assert isinstance(loaded(content), Settings)
    except ConfigInvalid as error:
        head, *rest = error.message.splitlines()
        assert head.startswith("cannot use the configuration")
        assert rest
        assert all(line.isprintable() for line in rest)
