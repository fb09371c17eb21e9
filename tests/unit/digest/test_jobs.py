"""A job always answers, also where its answer cannot be sent."""

from __future__ import annotations

import time

from wan_healthd.digest.jobs import Jobs
from wan_healthd.digest.protocol import LocateJob, Refused

DEADLINE_S = 5.0


def test_an_answer_that_cannot_be_encoded_is_refused_in_words() -> None:
    sent: list[object] = []

    def send(message: object) -> None:
        if not isinstance(message, Refused) or message.errno_name != "ENOTRECOVERABLE":
            raise OverflowError("integer out of range")
        sent.append(message)

    Jobs(send).start(LocateJob(7, "no such format", b"", ()), None)
    deadline = time.monotonic() + DEADLINE_S
    while not sent and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sent == [Refused(7, "ENOTRECOVERABLE", "OverflowError: integer out of range")]
