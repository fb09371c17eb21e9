"""The steps of the tour, in order. Each says in a sentence or two what happens, makes it happen, and shows what is seen of it.

The later ones rely on what the earlier ones did.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from wan_healthd.daemon.demo import damage, program
from wan_healthd.daemon.demo.stage import Program, Stage
from wan_healthd.daemon.samples import make_experts, make_samples
from wan_healthd.domain.amounts import size_text
from wan_healthd.domain.catalogue import ORPHAN_PARTIAL
from wan_healthd.domain.findings import CorruptionType

SAMPLE = "wan-sample"
EXPERTS = "wan-experts"
LORA = "loras/wan-sample-lora.safetensors"
SHARD = "diffusion_pytorch_model-0000{}-of-00003.safetensors"
UNFINISHED = "new-lora.safetensors.part"
IDLE_DAYS = 3


class Tour:
    """Everything that wan-healthd can do at present.

    Args:
        stage: empty.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._say, self._then = stage.voice.say, stage.voice.then
        self._models = stage.models
        self._intact = stage.folder / "intact"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._program: Program | None = None

    def run(self) -> None:
        """All steps."""
        steps = (
            ("Samples", self._samples),
            ("The daemon", self._watch),
            ("A program of yours", self._callbacks),
            ("One bit flips", self._bit),
            ("A download that ended early", self._truncation),
            ("Two experts, swapped", self._swap),
            ("A pointer instead of a model", self._pointer),
            ("A download that was given up", self._orphan),
            ("Alerts", self._alerts),
            ("Sweeps and the schedule", self._sweeps),
            ("The report, and the disk", self._report),
            ("Health comes back, and trust", self._mend),
            ("kill -9", self._kill),
            ("Without a daemon", self._scan),
        )
        for title, step in steps:
            self._stage.voice.title(title)
            step()

    def _samples(self) -> None:
        self._say(f"Three small models with the names and shapes of WAN2.2, in {self._models}:")
        make_samples(self._models)
        make_experts(self._models / EXPERTS)
        shutil.copytree(self._models, self._intact)
        files = sorted(path for path in self._models.rglob("*") if path.is_file())
        self._stage.voice.quote("\n".join(f"{size_text(_size(path)):>9}  {path.relative_to(self._models)}" for path in files))

    def _watch(self) -> None:
        self._say("The daemon reads every file once, straight from the disk where the system allows it, and then watches them.")
        self._daemon = self._stage.start_daemon()
        self._stage.wait(self._stage.is_calm, "all files were read")
        self._stage.show("status")
        self._then("Whoever loads a model can ask first:")
        self._stage.show("gate", SAMPLE)

    def _callbacks(self) -> None:
        self._say("The same, in a program of your own and without the daemon. This one has two callbacks; it runs from now on.")
        source = Path(program.__file__)
        own = self._stage.folder / source.name
        own.write_text(source.read_text())
        self._stage.voice.quote(source.read_text())
        self._program = self._stage.start_program(own)
        told_of_all = "the callbacks were told of each model"
        self._stage.wait(lambda: all(self._heard(name, "healthy") for name in (SAMPLE, EXPERTS, LORA)), told_of_all)

    def _bit(self) -> None:
        path = self._models / SAMPLE / SHARD.format(2)
        self._say("What a bad disk or bad memory does: one bit, with the file's time put back. Size and time are as before.")
        said = damage.flip_a_bit(path)
        took_s = self._stage.wait_for_damage(SAMPLE, CorruptionType.CHECKSUM_MISMATCH)
        self._stage.wait(lambda: self._heard(SAMPLE, "corrupted"), "the callback was told")
        self._then(f"{said}. Found after {took_s:.1f} s, down to the block of 1 MiB and the tensors in it:")
        self._stage.show("files", SAMPLE, "--bad")
        self._then(
            "Somebody wrote to the file, so the cause is said to be `rewritten`; bytes that change without a write are called"
            " `disk`. Nobody should load that now:"
        )
        self._stage.show("gate", SAMPLE)

    def _truncation(self) -> None:
        self._say("A shard is cut in half. The header tells how long it must be, so that takes no reading at all.")
        damage.cut_in_half(self._models / SAMPLE / SHARD.format(3))
        took_s = self._stage.wait_for_damage(SAMPLE, CorruptionType.INCOMPLETE_DOWNLOAD)
        self._stage.wait(lambda: self._heard(SAMPLE, "incomplete_download"), "the callback was told")
        self._then(f"Found after {took_s:.1f} s:")
        self._stage.show("report", SAMPLE)

    def _swap(self) -> None:
        self._say("High and low noise expert have the same size and the same tensors: no loader notices if they are swapped.")
        damage.swap(*(self._models / EXPERTS / f"wan-{noise}_noise.safetensors" for noise in ("high", "low")))
        self._stage.wait_for_damage(EXPERTS, CorruptionType.CHECKSUM_MISMATCH)
        self._stage.wait(self._stage.is_calm, "both were read again")
        self._stage.wait(lambda: self._heard(EXPERTS, "checksum_mismatch"), "the callback was told")
        self._stage.show("files", EXPERTS, "--bad")

    def _pointer(self) -> None:
        self._say("`git clone` without git-lfs leaves a note of 130 bytes under the model's name.")
        damage.replace_by_pointer(self._models / LORA)
        self._stage.wait_for_damage(LORA, CorruptionType.INCOMPLETE_DOWNLOAD)
        self._stage.wait(lambda: self._heard(LORA, "corrupted"), "the callback was told")
        self._stage.show("check", LORA)

    def _orphan(self) -> None:
        self._say(
            f"A partial download that nobody has written to for {IDLE_DAYS} days takes up room. It is no model, so nothing is"
            " unhealthy; the next sweep names it. A sweep can be asked for:"
        )
        damage.leave_unfinished(self._models / "loras" / UNFINISHED, IDLE_DAYS)
        self._stage.show("sweep", "start", "--wait")
        self._stage.wait(self._knows_the_orphan, "the unfinished download is named")
        self._stage.show("status")

    def _alerts(self) -> None:
        self._say("Each of these was told once, to the journal or to stderr, and lasts until what it tells of is over.")
        self._stage.show("alert")
        self._then("You know of one? Then there are no more reminders of it:")
        known = next(row for row in self._stage.client.list_alerts().alerts if row.model_id == SAMPLE)
        self._stage.show("alert", "ack", str(known.id))

    def _sweeps(self) -> None:
        self._say(
            "Every file is looked at once a day, and every byte is read once a week. A pause lasts over restarts; who asked for"
            " it, and why, is kept."
        )
        self._stage.show("sweep", "pause", "--reason", "a long render")
        self._stage.show("sweep", "resume")
        self._stage.show("jobs")

    def _report(self) -> None:
        self._say("Everything at once, with how full the disk is. Every command can give it as JSON, too.")
        self._stage.show("report")

    def _mend(self) -> None:
        self._say("The right bytes come back. Nobody has to say so: what is found to be right again is healthy again.")
        for path in (f"{SAMPLE}/{SHARD.format(2)}", f"{SAMPLE}/{SHARD.format(3)}", LORA):
            damage.put_back(self._models / path, self._intact / path)
        self._stage.wait(lambda: self._is_healthy(SAMPLE) and self._is_healthy(LORA), "both models are healthy again")
        self._then("The experts, say, you have swapped on purpose. Then the present bytes become the truth:")
        self._stage.show("trust", EXPERTS, "--yes", "--reason", "renamed on purpose")
        self._then("The unfinished download is removed, and a sweep sees that, too:")
        (self._models / "loras" / UNFINISHED).unlink()
        self._stage.show("sweep", "start", "--wait")
        self._stage.wait(lambda: not self._knows_the_orphan(), "the unfinished download is forgotten")
        self._stage.show("status")

    def _kill(self) -> None:
        self._say("What it knows survives anything. An event's number is never used twice, so nobody who follows misses one.")
        before = self._stage.client.status().last_event
        daemon = self._daemon
        if daemon is not None:
            self._stage.voice.command(f"kill -9 {daemon.pid}")
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        self._daemon = self._stage.start_daemon()
        self._stage.wait(self._stage.is_calm, "it has looked at all files again")
        self._stage.show("events", "--since", str(before))

    def _scan(self) -> None:
        if self._program is not None:
            self._program.end()
        self._say("For scripts and CI: one look, without daemon or state; the exit status tells.")
        status = self._stage.show_scan()
        self._then(f"Exit status {status}.")

    def _heard(self, *words: str) -> bool:
        return self._program is not None and self._program.has_said(*words)

    def _is_healthy(self, model_id: str) -> bool:
        return self._stage.client.get_model(model_id).is_healthy

    def _knows_the_orphan(self) -> bool:
        return any(issue.code == ORPHAN_PARTIAL.code for issue in self._stage.client.status().issues)


def _size(path: Path) -> int:
    return path.stat().st_size
