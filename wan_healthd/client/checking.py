"""A check from its beginning to its result."""

from __future__ import annotations

import time
from collections.abc import Callable

from wan_healthd.client import questions
from wan_healthd.client.errors import CheckLost, Refused, WaitedTooLong
from wan_healthd.client.scripts import Rest, Script
from wan_healthd.domain.verdicts import IntegrityResult
from wan_healthd.wire.answers import JobAnswer, JobRow

Progress = Callable[[JobRow], object]
FIRST_LOOK_S, LONGEST_REST_S = 0.05, 1.0
LONGEST_CHECK_S = 86_400.0


def check(model_id: str, *, full: bool, progress: Progress | None, timeout_s: float) -> Script[IntegrityResult]:
    """Begin a check and look again and again until it has ended.

    Args:
        model_id: whose.
        full: read every byte, also of files that did not change.
        progress: told of the job at each look, the last one included.
        timeout_s: how long to wait for its end.

    Raises:
        Refused: the daemon does not begin it, or it failed; in the daemon's words.
        WaitedTooLong: it has not ended in time; it goes on nevertheless.
        CheckLost: the daemon knows nothing of it any more.
    """
    deadline = time.monotonic() + timeout_s
    begun: JobAnswer = yield questions.start_check(model_id, full=full)
    job, rest_s = begun.job, FIRST_LOOK_S
    while True:
        if progress is not None:
            progress(job)
        if job.state != "running":
            return _result(job)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise WaitedTooLong(
                f"cannot wait longer for the check of {model_id}: it has not ended after {timeout_s:g} s",
                f"it goes on as job {job.id}; ask for that, or wait longer",
            )
        yield Rest(min(rest_s, left_s))
        rest_s = min(LONGEST_REST_S, rest_s * 1.5)
        job = yield from _look(job.id)


def _look(number: int) -> Script[JobRow]:
    try:
        seen: JobAnswer = yield questions.get_job(number)
    except Refused as error:
        if error.code != "job-not-found":
            raise
        raise CheckLost(f"the daemon no longer knows job {number}") from None
    return seen.job


def _result(job: JobRow) -> IntegrityResult:
    if job.error is not None:
        raise Refused(job.error.code, job.error.message, job.error.suggestion)
    if job.result is None:
        raise CheckLost(f"job {job.id} ended as {job.state}")
    return job.result
