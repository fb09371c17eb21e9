"""The configuration: TOML files in, `domain.settings.Settings` out, all errors at once.

`loader` reads and merges the files, `shape` holds them against the fields of the settings, `rules` against each other,
`printing` writes settings back as TOML, `on_disk` asks what only the disk knows. A new field in `domain.settings` needs nothing
here; a new way to write a value is an entry in `quantities`. Never here: a value that the settings do not have, or a reader of
configuration deep inside: only the roots (daemon, assembly) and tests import this room. It imports only `domain`.
"""
