"""Vocabularies as plain text (vocab.txt, merges.txt): a token or a pair of them on each line, in UTF-8."""

from __future__ import annotations

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Impostor
from wan_healthd.formats.error_bodies import is_json_error
from wan_healthd.formats.impostors import HEAD_BYTES, facts_of, recognise_in_text
from wan_healthd.formats.json_text import check_utf8, read_whole
from wan_healthd.formats.strict_json import Malformed
from wan_healthd.formats.window import MAX_READ_BYTES, Window

FORMAT = "vocabulary"


def judge(window: Window) -> HeaderFacts:
    """Whether the file is a text; what its end should be, it does not say."""
    head = window.read(0, HEAD_BYTES)
    found = recognise_in_text(head, window.size_bytes)
    if found is None and is_json_error(head, is_whole=window.size_bytes <= HEAD_BYTES):
        found = Impostor.JSON_ERROR, None
    if found is not None:
        return facts_of(FORMAT, head, found)
    if window.size_bytes > MAX_READ_BYTES:
        detail = f"{window.size_bytes} bytes, where {MAX_READ_BYTES} are read"
        return HeaderFacts(format=FORMAT, undecided="header-too-large-to-judge", undecided_detail=detail)
    try:
        check_utf8(read_whole(window))
    except Malformed as fault:
        return HeaderFacts(format=FORMAT, fault=HeaderFault(fault.code, fault.detail))
    return HeaderFacts(format=FORMAT)
