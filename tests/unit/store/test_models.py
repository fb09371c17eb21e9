"""Models: the roster, who is watched, and verdicts."""

from __future__ import annotations

import pytest

from tests.unit.store.rows import MODEL, NOW, ROOT, add_path, later
from wan_healthd.checks.verdict import integrity_result
from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.performance import PerformanceMetrics
from wan_healthd.domain.verdicts import HealthStatus, IntegrityResult
from wan_healthd.store import models, paths, roots, samples, timers
from wan_healthd.store.connection import Connection

OTHER = Model("other", Layout.SINGLE_FILE, b"/elsewhere/w.pt", b"/elsewhere")


def ids(connection: Connection) -> list[str]:
    return [record.model.id for record in models.everything(connection)]


def result(status: HealthStatus = HealthStatus.HEALTHY, model_id: str = MODEL.id) -> IntegrityResult:
    findings = [FILE_MISSING.at(b"/f", what="x")] if status is HealthStatus.CORRUPTED else []
    return integrity_result(
        model_id, findings, nothing_left=False, file_count=1, size_bytes=5, checksum="00", checked_at=later(1)
    )


def test_put_and_get(connection: Connection) -> None:
    assert models.get(connection, MODEL.id) is None
    assert models.put(connection, MODEL, NOW)
    assert not models.put(connection, MODEL, later(1))
    record = models.get(connection, MODEL.id)
    assert record is not None
    assert record.model == MODEL
    assert (record.result, record.checked_at, record.status_since) == (None, None, None)


def test_only_models_below_watched_roots_are_shown(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    models.put(connection, OTHER, NOW)
    models.watch(connection, [ROOT], ["other"])
    assert ids(connection) == [MODEL.id]
    assert models.get(connection, OTHER.id) is None
    models.watch(connection, [ROOT, OTHER.root], ["other"])
    assert ids(connection) == [MODEL.id, OTHER.id], "what was not watched was kept"
    assert {record.model.id: record.model.stated for record in models.everything(connection)} == {"flux": False, "other": True}


def test_a_model_that_was_found_again_is_watched(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    models.watch(connection, [], [])
    assert ids(connection) == []
    models.put(connection, MODEL, NOW)
    assert ids(connection) == [MODEL.id]


def test_a_new_root_takes_the_files_along(connection: Connection) -> None:
    """Else a file that vanished meanwhile would be looked for below the old root, that is never."""
    add_path(connection, b"gone")
    models.put(connection, Model(MODEL.id, MODEL.layout, MODEL.path, MODEL.path), NOW)
    assert list(paths.in_folder(connection, MODEL.path, MODEL.path)) == [MODEL.path + b"/gone"]


def test_a_path_has_one_model(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    models.put(connection, OTHER, NOW)
    assert models.join(connection, MODEL.id, path_id) == ()
    assert models.join(connection, OTHER.id, path_id) == (MODEL.id,)
    assert models.of_path(connection, path_id) == (OTHER.id,)
    assert models.file_paths(connection, MODEL.id) == ()
    assert models.without_files(connection) == (MODEL.id,)


def test_files_are_sorted_by_their_bytes(connection: Connection) -> None:
    for name in (b"b", b"\xff", b"a", b"B"):
        add_path(connection, name)
    assert [state.record.path.rsplit(b"/")[-1] for state in models.files(connection, MODEL.id)] == [b"B", b"a", b"b", b"\xff"]


def test_a_stated_model_may_be_without_files(connection: Connection) -> None:
    models.put(connection, Model("s", Layout.FOLDER, b"/srv/s", ROOT, stated=True), NOW)
    assert models.without_files(connection) == ()


def test_forgetting_a_model_keeps_its_paths(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    models.forget(connection, [MODEL.id])
    assert ids(connection) == []
    assert paths.exists(connection, path_id)


def test_verdicts_and_since_when(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    steps = [
        (HealthStatus.HEALTHY, later(1), None, later(1)),
        (HealthStatus.HEALTHY, later(2), HealthStatus.HEALTHY, later(1)),
        (HealthStatus.CORRUPTED, later(3), HealthStatus.HEALTHY, later(3)),
    ]
    for status, at, before, since in steps:
        assert models.judged(connection, result(status), at, oldest_read_at=NOW, size_bytes=1234567) is before
        record = models.get(connection, MODEL.id)
        assert record is not None
        assert (record.result, record.size_bytes) == (result(status), 1234567)
        assert (record.status_since, record.oldest_read_at, record.checked_at) == (since, NOW, later(1))


def test_lost_roots_are_news_once(connection: Connection) -> None:
    assert roots.lose(connection, ROOT, "ENOENT", NOW)
    assert not roots.lose(connection, ROOT, "EIO", later(5))
    assert roots.lost(connection) == {ROOT: "EIO"}
    assert connection.execute("SELECT count(DISTINCT since) FROM lost_root").fetchone() == (1,)
    assert connection.execute("SELECT (SELECT since FROM lost_root) % 1000000").fetchone() == (NOW.microsecond,)
    assert roots.regain(connection, ROOT)
    assert not roots.regain(connection, ROOT)


def test_timers(connection: Connection) -> None:
    assert timers.waiting_since(connection, "full", NOW) == NOW
    assert timers.last_runs(connection) == {}, "scheduled is not run"
    assert timers.waiting_since(connection, "full", later(9)) == NOW, "a restart does not put it off"
    timers.ran(connection, "full", later(10))
    timers.ran(connection, "incremental", later(11))
    assert timers.last_runs(connection) == {"full": later(10), "incremental": later(11)}
    assert timers.waiting_since(connection, "full", later(20)) == later(10)


@pytest.mark.parametrize("seconds", [0, 0.000001, -63_000_000_000])
def test_times_are_exact(connection: Connection, seconds: float) -> None:
    timers.ran(connection, "t", later(seconds))
    assert timers.last_runs(connection)["t"] == later(seconds)


def test_samples_are_kept_for_a_while(connection: Connection) -> None:
    for seconds in (0, 10, 20):
        samples.add(connection, "m", PerformanceMetrics(throughput_fps=1.0), later(seconds), keep_since=later(seconds - 15))
    samples.add(connection, "other", PerformanceMetrics(), NOW, keep_since=NOW)
    kept = connection.execute("SELECT model_id, count(*) FROM performance_sample GROUP BY model_id").fetchall()
    assert kept == [("m", 2), ("other", 1)]
