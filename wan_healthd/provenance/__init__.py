"""What a file should be, and who says so: bytes of small files beside a model in, claims out.

Here lives one module for each source of expected digests, the choice between them, and the knowledge where they stand on disk.
Never here: opening files, asking the network, reading clocks, or judging a file (that is `checks`). Every byte may come from
an attacker: parsers are bounded, and a path in a source is only compared, never joined and opened. Imported by services, which
read the files that `places.sources_for` names and hand their bytes to `telling.told`. Imports only `domain`.

To add a source: a module with its parser, a member of `sources.SourceKind`, its place in `places`, a line in `telling`.
"""
