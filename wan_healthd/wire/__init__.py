"""What crosses the control socket: request and response structs, shared by `api` and `client`.

Only shapes live here, no rules and no I/O. Imported by api, client, cli and monitor.
"""
