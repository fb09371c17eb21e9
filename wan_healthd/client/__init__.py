"""A small synchronous client of the control API, for `healthctl`.

Here live finding the socket, one request and its answer, reading an answer's keys, and saying why the daemon cannot be reached.
Only the standard library and `domain.paths` are imported, since starting `healthctl` must cost next to nothing: msgspec alone
takes 30 ms. Never here: printing, asyncio, anything of the server's. Imported by cli, and by the daemon for `discovery`.
"""
