"""The control API: HTTP with JSON over a Unix socket, one verb of the facade to a route.

Here live the table of routes, handlers, guards, peer credentials and the socket. Never here: rules about models, SQL, files;
`server` is the only file that knows aiohttp. Imported by the daemon only.
"""
