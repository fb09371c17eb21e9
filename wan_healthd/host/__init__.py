"""Doors to the outside: clock, threads, files, inotify, timers, journal, service manager, logging, use of disks and GPUs.

One module for each foreign library or kernel interface; each implements a port of `wan_healthd.domain.ports` and takes no
decisions. Never here: rules, findings, anything that knows what a model is. Only the roots may import it: `daemon`,
`assembly` and the entry of the digest worker; everybody else is handed the ports.
"""
