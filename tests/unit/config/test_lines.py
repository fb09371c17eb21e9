"""Lines of keys."""

from __future__ import annotations

from wan_healthd.config.lines import KeyLines

TEXT = '''top = 1
note = """
fake = 2
[[roots]]
"""
[health]   # comment
  "check_interval_hours" = 3

[[roots]]
path = "/a"
[[roots]]
path = "/b"
[roots.inner]
deep = 1
[ a . 'b' ]
c.d = 1
inline = [{path = "/x"}]
'''


def test_lines() -> None:
    lines = KeyLines(TEXT)
    expected = {
        "top": 1,
        "note": 2,
        "fake": None,
        "health": 6,
        "health.check_interval_hours": 7,
        "health.absent": 6,
        "roots[0]": 9,
        "roots[0].path": 10,
        "roots[1].path": 12,
        "roots[1].absent": 11,
        "roots[1].inner.deep": 14,
        "a.b": 15,
        "a.b.c.d": 16,
        "a.b.inline[0].path": 17,
        "absent": None,
        "": None,
    }
    assert {key: lines.line(key) for key in expected} == expected
