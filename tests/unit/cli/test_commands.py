"""Each command as a function against a real server."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.facade import DAMAGED, SOUND, UNREAD, job_failure
from tests.fakes.serving import Served, serving
from tests.unit.cli.healthctl import Healthctl
from wan_healthd.cli.commands import COMMANDS
from wan_healthd.cli.parser import build
from wan_healthd.domain.events import EventKind
from wan_healthd.version import __version__


def test_status_is_0_only_if_everything_is_healthy(healthctl: Healthctl, healthy: Served) -> None:
    assert healthctl("status").status == 0
    healthy.facade.lose_root()
    said = healthctl("status")
    assert said.status == 1
    assert "cannot look at the folder /mnt/usb" in said.out


def test_status_without_models_is_healthy(healthctl: Healthctl, served: Served) -> None:
    served.facade.files = {}
    said = healthctl("status")
    assert (said.status, said.out.splitlines()[0]) == (0, "healthy, score 1.00, 0 models, 2 unclaimed files")


@pytest.mark.parametrize(("model", "status"), [(SOUND, 0), (DAMAGED, 1), (UNREAD, 1), ("nobody", 5)])
def test_one_model(healthctl: Healthctl, model: str, status: int) -> None:
    assert healthctl("status", model).status == status
    assert healthctl("check", model).status == status
    assert healthctl("files", model).status == status
    assert healthctl("report", model).status == (0 if model == UNREAD else status)  # not read is not corrupted


def test_status_of_many_unhealthy_models_stays_short(healthctl: Healthctl, served: Served) -> None:
    served.facade.files = {f"m{number}": served.facade.files[DAMAGED] for number in range(30)}
    assert "20 more are not healthy" in healthctl("status").out


def test_check_prints_each_result_and_the_gravest_status_counts(healthctl: Healthctl, served: Served) -> None:
    said = healthctl("check", "--full", SOUND, "nobody", DAMAGED)
    assert said.status == 5
    assert said.out.startswith(f"{SOUND}: healthy, score 1.00")
    assert "blocks 17-18" in said.out
    assert "cannot find the model nobody" in said.err
    assert [job.kind for job in served.facade.jobs] == ["full-check", "full-check"]


def test_check_waits_for_the_end(healthctl: Healthctl, served: Served) -> None:
    served.facade.hold = True
    timer = threading.Timer(0.3, lambda: setattr(served.facade, "hold", False))
    timer.start()
    started = time.monotonic()
    assert healthctl("check", SOUND).status == 0
    assert time.monotonic() - started >= 0.25
    timer.join()


def test_check_that_fails_says_why(healthctl: Healthctl, served: Served) -> None:
    served.facade.failure = job_failure()
    said = healthctl("check", SOUND)
    assert said.status == 6
    assert said.err == "healthctl: cannot check: the digest worker ended\n  -> look at the log\n"


def test_check_without_waiting(healthctl: Healthctl) -> None:
    said = healthctl("check", "--no-wait", DAMAGED)
    assert (said.status, said.out) == (0, f"{DAMAGED}: job 1 has begun\n")
    assert f"check  running  0 B of 20.0 GB  2026-07-01 12:00:00Z  -       {DAMAGED}" in healthctl("jobs").out


def test_bad_files_only(healthctl: Healthctl) -> None:
    said = healthctl("files", "--bad", DAMAGED)
    assert "config.json" not in said.out
    assert "2 of 3 files" in said.out
    assert healthctl("files", SOUND, "--bad").out == f"{SOUND}: 0 of 2 files\n"


def test_events(healthctl: Healthctl) -> None:
    assert [line.split()[0] for line in healthctl("events").out.splitlines()] == ["1", "2", "3", "7", "8"]
    assert [line.split()[0] for line in healthctl("events", "--since", "3").out.splitlines()] == ["7", "8"]
    assert [line.split()[0] for line in healthctl("events", "--since", "2026-07-01T09:06:59Z").out.splitlines()] == ["7", "8"]
    assert healthctl("events", "--since", "2026-07-01T12:06:59+03:00", "--json").out.count('"seq"') == 2
    assert healthctl("events", "--since", "8").out == ""


def test_events_of_many_pages_are_one_document(healthctl: Healthctl, served: Served) -> None:
    for _ in range(2500):
        served.facade.tell(EventKind.FINDING_CLEARED, SOUND)
    said = json.loads(healthctl("events", "--json").out)
    assert list(said) == ["schema", "stream", "last_event", "events", "first_event"]
    assert said["last_event"] == 2508
    assert [event["seq"] for event in said["events"]] == [1, 2, 3, 7, *range(8, 2509)]


@pytest.mark.parametrize("since", ["", "x", "-1", "12", "2026-13-01", "9" * 40 + "d", "1y", "0001-01-01T00:00:00", "٣"])
def test_since_is_checked_before_anything_is_asked(healthctl: Healthctl, since: str) -> None:
    said = healthctl("events", f"--since={since}")
    assert said.status == (0 if since == "12" else 2)


def test_report(healthctl: Healthctl, healthy: Served) -> None:
    said = healthctl("report")
    assert (said.status, said.out.splitlines()[0]) == (
        0,
        "score 1.00: 1 healthy, 0 degraded, 0 corrupted, 0 missing, 0 unknown",
    )


def test_trust_needs_consent(healthctl: Healthctl, served: Served) -> None:
    said = healthctl("trust", DAMAGED)
    assert said.status == 2
    assert "add --yes" in said.err
    assert served.facade.trusted == []


def test_trust_of_files_by_any_unambiguous_name(healthctl: Healthctl, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = "/srv/models/Wan2.2-T2V-A14B/high_noise_model"
    paths = [f"{folder}/model-0000{number}-of-00006.safetensors" for number in (1, 2)]
    words = ["model-00001-of-00006.safetensors", "high_noise_model/model-00002-of-00006.safetensors"]
    assert healthctl("trust", DAMAGED, *words, "--yes", "--reason", "fine-tuned").status == 0
    assert healthctl("trust", DAMAGED, f"{folder}/../high_noise_model/model-00001-of-00006.safetensors", "--yes").status == 0
    assert [(files, reason) for _, files, _, reason in served.facade.trusted] == [
        ((paths[0], paths[1]), "fine-tuned"),
        ((paths[0],), ""),
    ]


@pytest.mark.parametrize(
    ("word", "status"), [("nothing", 5), ("json", 5), ("../config.json", 5), ("/etc/passwd", 5), ("\udcff", 5)]
)
def test_trust_of_other_files_is_refused(healthctl: Healthctl, served: Served, word: str, status: int) -> None:
    assert healthctl("trust", DAMAGED, word, "--yes").status == status
    assert served.facade.trusted == []


def test_version_tells_both(healthctl: Healthctl, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert healthctl("version").out.startswith(f"healthctl {__version__}\nwan-healthd {__version__} (process ")
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other", version="9.9.9") as other:
        said = Healthctl(other.path, capsys)("version")
    assert said.status == 0
    assert "warning: the daemon is wan-healthd 9.9.9" in said.err


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["status"], "models"),
        (["status", SOUND], "model"),
        (["files", SOUND], "files"),
        (["report"], "report"),
        (["report", SOUND], "corruption"),
        (["check", SOUND, DAMAGED], "jobs"),
        (["check", SOUND, "--no-wait"], "jobs"),
        (["events"], "events"),
        (["jobs"], "jobs"),
        (["trust", SOUND, "--yes"], "model"),
        (["version"], "version"),
    ],
)
def test_json_is_one_document(healthctl: Healthctl, words: list[str], key: str) -> None:
    said = healthctl("--json", *words)
    document = json.loads(said.out)
    assert document["schema"] == 1
    assert key in document
    assert said.out.count("\n") == 1
    assert said.err == ""


def test_global_options_stand_before_or_after(served: Served, healthctl: Healthctl) -> None:
    before, after = healthctl("--json", "--no-color", "status"), healthctl("status", "--json", "--no-color")
    assert before == after
    assert healthctl("status", "--socket", "/nonexistent").status == 3


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["status", "--bogus"], ["files"], ["files", ""], ["check"], ["status", "a", "b"]]
)
def test_wrong_usage_is_2(healthctl: Healthctl, words: list[str]) -> None:
    said = healthctl(*words)
    assert said.status == 2
    assert "usage: healthctl" in said.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(healthctl: Healthctl, command: tuple[str, str]) -> None:
    said = healthctl(command[0], "--help")
    assert said.status == 0
    assert f"usage: healthctl {command[0]}" in said.out
    assert "exit status" in said.out.lower()
    assert command[1] in " ".join(healthctl("--help").out.split())


def test_the_complete_parser_can_be_built() -> None:
    parser = build([command.name for command in COMMANDS])
    assert parser.parse_args(["trust", "m", "f", "--yes"]).files == ["f"]


@pytest.mark.parametrize("words", [["status"], ["version"], ["check", SOUND], ["events", "--follow"]])
def test_no_daemon_is_3(healthctl: Healthctl, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    said = Healthctl(str(tmp_path / "nothing"), capsys)(*words)
    assert said.status == 3
    assert "cannot reach wan-healthd" in said.err
    assert "systemctl start wan-healthd" in said.err


def test_sweeps(healthctl: Healthctl, served: Served) -> None:
    assert healthctl("sweep").out.splitlines()[0] == "no sweep is under way"
    said = healthctl("sweep", "pause", "--reason", "a film is made")
    assert said.status == 0
    assert said.out.startswith("sweeps are paused since 2026-07-01 12:00:00Z by uid")
    assert "because: a film is made; `healthctl sweep resume` ends that\nwaiting: incremental sweep\n" in said.out
    assert "sweeps are paused since" in healthctl("status").out
    assert healthctl("sweep", "start", "--full").out == "job 1 has begun; `healthctl sweep` shows how it goes\n"
    assert "full-sweep" in healthctl("jobs").out
    said = healthctl("sweep", "resume")
    assert said.out.splitlines()[0] == "full sweep since 2026-07-01 12:00:00Z: 40 of 100 files so far"
    assert served.facade.paused is None
    document = json.loads(healthctl("sweep", "--json").out)
    assert (document["paused"], document["sweeps"][0]["files_left"]) == (None, 60)


def test_alerts(healthctl: Healthctl, served: Served) -> None:
    said = healthctl("alert")
    assert said.status == 0
    assert "3  critical  corruption-found" in said.out
    assert "told, next reminder" in said.out
    assert "2  critical" not in said.out
    assert "ended" in healthctl("alert", "list", "--all").out
    assert "acknowledged" in healthctl("alert", "ack", "3").out
    assert (healthctl("alert", "ack", "99").status, healthctl("alert", "test").status) == (5, 0)
    assert json.loads(healthctl("--json", "alert", "test", "--kind", "root-lost").out)["tested"] == ["root-lost"]
    served.facade.alerts = ()
    assert healthctl("alert").out == "no alert is open\n"
