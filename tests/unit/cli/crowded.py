"""What is hard to show: a long id, names that are not UTF-8, more findings than fit, something that is gone."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from tests.fakes.facade import NOW, FakeFacade, cut_off
from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.files import VerifiedBy
from wan_healthd.domain.findings import Category, CorruptionType, Finding, Severity
from wan_healthd.domain.paths import base64_if_needed, display
from wan_healthd.domain.pauses import Pause
from wan_healthd.domain.verdicts import HealthStatus
from wan_healthd.wire.answers import FileRow

LONG = "an-organisation-with-a-long-name/Wan2.2-Animate-14B-fp8-scaled-and-distilled-to-four-steps-2026-06-30"
GONE = "gone"
FOLDER = b"/srv/models/long/"
NOT_UTF8 = b"caf\xe9 \x1b[2Jpart.safetensors"
FINDINGS = 25


def crowd(facade: FakeFacade) -> None:
    """Only these models are left, and sweeps are paused."""
    facade.files = {LONG: (_odd(), *(_short(number) for number in range(FINDINGS))), GONE: (_gone(),)}
    facade.paused = Pause(NOW - timedelta(hours=5), 1000, "a film is being rendered on this machine until tomorrow noon")


def _odd() -> FileRow:
    path = FOLDER + NOT_UTF8
    return FileRow(
        path=display(path),
        size_bytes=5_000_000_000_000,
        status=HealthStatus.HEALTHY,
        sha256="f0" * 32,
        verified_by=VerifiedBy.BASELINE,
        assurance=Assurance.UNPROVEN,
        last_read_at=NOW,
        findings=(),
        path_b64=base64_if_needed(path) or "",
        from_disk_bytes=3_100_000_000_000,
    )


def _short(number: int) -> FileRow:
    path = display(FOLDER + b"transformer/%05d.safetensors" % number)
    finding = replace(cut_off(), path=path, message=f"{number:05}.safetensors is cut off after {number} of 9995661736 bytes")
    return replace(_odd(), path=path, path_b64="", size_bytes=number, status=HealthStatus.CORRUPTED, findings=(finding,))


def _gone() -> FileRow:
    path = "/srv/models/gone/w.safetensors"
    finding = Finding(
        code="file-missing",
        category=Category.STORAGE,
        corruption_type=CorruptionType.FILE_MISSING,
        severity=Severity.HIGH,
        path=path,
        message="w.safetensors is gone",
        suggestion="put it back, or accept its absence with `healthctl trust`",
    )
    return replace(
        _odd(), path=path, path_b64="", size_bytes=None, sha256=None, status=HealthStatus.MISSING, findings=(finding,)
    )
