"""The digest engine: reads untrusted files once, from the disk, in a process of its own, and yields digests by block.

Here live the worker (`worker`, started as `python -m wan_healthd.digest.worker`), what it does with a file (`reading`,
`headers`), the frames that cross its socket (`protocol`, `framing`), and the parent's side (`engine`). To add a format, add
its parser to `wan_healthd.formats` and one line to `parsers`. Never here: judgement, paths, the store, opening files by name.

Only the composition root imports `engine`; nobody outside imports the rest. Services know the port `domain.ports.DigestEngine`.
"""
