"""What a file says about itself: header bytes in, facts out.

Here lives one module for each file format, and the readers that they share. Never here: opening files, reading clocks,
unpickling, or saying how grave a fault is (that is `checks`). Imported by `digest`, whose worker parses untrusted bytes away
from the daemon, by `layouts` and by `assembly`; imports only `domain`.

To add a format: a module with `FORMAT` and `judge`, a line in `digest`'s table of formats, a test beside the real loader.
"""
