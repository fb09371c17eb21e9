"""What `healthctl --help` and its manual page say beyond commands and options."""

from __future__ import annotations

from wan_healthd.cli import exits
from wan_healthd.client.discovery import ENVIRONMENT as SOCKET_VARIABLE
from wan_healthd.client.discovery import SYSTEM_SOCKET

DESCRIPTION = (
    "Shows and steers wan-healthd, which watches WAN2.2 model files.\n\n"
    "It asks the daemon on its control socket. Whoever may open the socket may look; to act (check, sweep, trust and the "
    "like) takes root, the daemon's own user, or its act group."
)

SOCKET = f"the daemon's control socket (default: ${SOCKET_VARIABLE}, else the system's daemon, else your own)"

EXIT_STATUS = tuple((str(status), meaning) for status, meaning in exits.MEANINGS.items())

FILES = (
    (SYSTEM_SOCKET, "the control socket of the system's daemon"),
    ("$XDG_RUNTIME_DIR/wan-healthd/control.sock", "that of your own daemon, asked where the system has none"),
)

ENVIRONMENT = (
    (SOCKET_VARIABLE, "the control socket, where `--socket` does not state it"),
    ("NO_COLOR", "if set, to whatever, nothing is coloured"),
    ("COLUMNS", "how wide the output may be, in place of the terminal's width"),
    ("XDG_RUNTIME_DIR, TMPDIR", "where your own daemon's socket is looked for"),
)

EXAMPLES = (
    ("healthctl status", "How is everything?"),
    ("healthctl status --json | python3 -m json.tool", "The same for programs, and made readable."),
    ("healthctl models list --ids | xargs -d '\\n' -n 1 healthctl gate", "Which models may be loaded now?"),
    ("healthctl events --since 12h", "What happened in the last twelve hours?"),
)

HEALTH = (
    ("healthy", "every file is there, well-formed, and reads as it did when it was first read"),
    ("degraded", "something is wrong that leaves most of the model usable"),
    ("corrupted", "a finding of high or critical severity: do not load it"),
    ("missing", "no weight file is there"),
    ("unknown", "we could not look; never taken for healthy"),
)
"""Of a model; the README's table says the same."""

VERIFIED_BY = (
    ("manifest", "the list of digests that the configuration names"),
    ("signature", "a signed list of digests"),
    ("hf-tree", "the hub's listing, as its client keeps it beside the files"),
    ("etag", "the hub client's metadata of the download"),
    ("blob-name", "the name of the file in the hub's cache, which is its digest"),
    ("sidecar", "SHA256SUMS or *.sha256 beside the file"),
    ("lfs-pointer", "a git-LFS pointer"),
    ("hub", "what the hub lists for the source that the configuration states"),
    ("zip-crc", "the CRCs inside the file itself"),
    ("baseline", "its own first read: nothing nearby says what it should be"),
    ("none", "nothing yet"),
)
PROOF = (
    ("disk", "the disk itself held what was read"),
    ("as-received", "it was read as it came in; the disk was not asked since"),
    ("unproven", "the system does not tell whether the disk or memory answered"),
    ("memory", "it was cached, which says nothing of the disk"),
)
