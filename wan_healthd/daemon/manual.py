"""What `wan-healthd --help` and its manual page say beyond options and commands."""

from __future__ import annotations

from wan_healthd.client.discovery import SYSTEM_SOCKET
from wan_healthd.config.files import DEFAULT_FOLDER, DROP_IN_FOLDER, FILE_NAME

DESCRIPTION = (
    "Watches WAN2.2 model files and says exactly what is broken.\n\n"
    "Without a command it is the daemon, which stays in the foreground: it reads every file below its roots, watches them, "
    "reads again on a schedule, and answers on its control socket, which `healthctl` asks. It needs no root, no network unless "
    "it may ask the model hub, and no right to the models but to read them."
)

EXIT_STATUS = (
    ("0", "stopped as it was told; the configuration is good; what was scanned is healthy"),
    ("1", "`scan`: something is not healthy, or unknown"),
    ("2", "usage or configuration: starting it again does not cure it"),
    ("3", "`scan`: a path cannot be read at all"),
    ("6", "failed"),
    ("130", "a command was interrupted by Ctrl-C; the daemon stops as by SIGTERM, with 0"),
    ("141", "whoever read the output has gone"),
)

SIGNALS = (
    ("SIGTERM, SIGINT", "stop; what is being read goes on from there after the next start"),
    ("SIGHUP", "read the configuration again; one with errors is refused, and the old one stays in force"),
)

FILES = (
    (f"{DEFAULT_FOLDER}/{FILE_NAME}", "the configuration, see wan-healthd.toml(5)"),
    (f"{DEFAULT_FOLDER}/{DROP_IN_FOLDER}/*.toml", "read after it, in the order of their names"),
    (
        "/var/lib/wan-healthd/state.db",
        "what was learnt, of the system's service; beside it state.db.good, a checked copy, and "
        "state.db.damaged-TIME, what was set aside",
    ),
    ("$XDG_STATE_HOME/wan-healthd/state.db", "the same, of your own daemon ($XDG_STATE_HOME is ~/.local/state by default)"),
    (SYSTEM_SOCKET, "the control socket, of the system's service"),
    ("$XDG_RUNTIME_DIR/wan-healthd/control.sock", "the same, of your own daemon; without that variable below $TMPDIR or /tmp"),
)

ENVIRONMENT = (
    (
        "CONFIGURATION_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY",
        f"the folders of the configuration ({DEFAULT_FOLDER} by default), the state and the socket, as systemd sets them",
    ),
    ("XDG_STATE_HOME, XDG_RUNTIME_DIR, TMPDIR", "where state and socket are without a service manager, see FILES"),
    (
        "HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE",
        "what they are to the model hub's own client, as are their older names HUGGING_FACE_HUB_TOKEN and "
        "TRANSFORMERS_OFFLINE; only with `[hub] lookup = true`",
    ),
    ("HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME", "where that client keeps its token, if HF_TOKEN is not set"),
    ("CREDENTIALS_DIRECTORY", "set by systemd for LoadCredential=: the file hf-token in it holds the token"),
    ("NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID", "set by systemd: whom to tell of readiness, progress and life"),
    ("LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", "set by systemd: it has opened the control socket already"),
    ("JOURNAL_STREAM, SYSTEMD_EXEC_PID", "set by systemd: whether its log goes to the journal, and whether it is a service"),
    ("NO_COLOR", "if set, `demo` is not coloured"),
)

EXAMPLES = (
    ("wan-healthd --check-config", "Is the configuration good? All errors at once, each with its cure."),
    ("wan-healthd --print-config", "What holds in the end, defaults included?"),
    ("wan-healthd scan --full /srv/models", "Read every byte below a folder once, without a daemon."),
    ("wan-healthd scan --json /srv/models > report.json", "A quick look, for programs."),
    ("wan-healthd demo --yes", "A tour on samples."),
    ("journalctl --unit wan-healthd --catalog WAN_ALERT=critical", "Which critical alerts were there, and what to do?"),
)

JOURNAL = (
    ("MESSAGE_ID", "the kind of the alert, which `journalctl --catalog` explains"),
    ("WAN_EVENT", "the same as a name, such as corruption-found"),
    ("WAN_ALERT", "its class: critical, warning, maintenance or info"),
    ("WAN_MODEL", "the model's id"),
    ("WAN_FILE", "the damaged file's path, in its exact bytes"),
    ("WAN_FINDING", "what is wrong with it, as a code"),
    ("WAN_SEVERITY", "how bad that is: low, medium, high or critical"),
    ("WAN_CAUSE", "why content differs: transient, disk, rewritten or unreadable"),
    ("WAN_REPAIR", "what to do"),
    ("WAN_COUNT", "how many alerts this record stands for, if there are several"),
    ("WAN_TEST", "1 for what `healthctl alert test` sent"),
)
"""The fields of an alert, for the manual page alone."""

SECTIONS = (
    ("signals", SIGNALS),
    ("files", FILES),
    ("environment", ENVIRONMENT),
    ("exit status", EXIT_STATUS),
    ("examples", EXAMPLES),
)

TAKES_FILES = frozenset({"config", "paths", "state", "backup_state", "restore_state", "moved_root"})
"""Destinations of the arguments that are files or folders, for completions."""
