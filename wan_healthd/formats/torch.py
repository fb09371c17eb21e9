"""Files that `torch.load` opens, whatever their inside: told apart by their first bytes, judged by the module for each.

The answer's format is that of the inside: "torch-zip" or "torch-legacy"; "torch" where it is neither.
"""

from __future__ import annotations

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault
from wan_healthd.formats import torch_legacy, torch_zip
from wan_healthd.formats.impostors import judge_weights
from wan_healthd.formats.signatures import name_of_content
from wan_healthd.formats.window import Window

FORMAT = "torch"

HEAD_BYTES = 16
"""No file of these kinds is shorter."""

SAMPLE_BYTES = 4096
_EMPTY_ZIP = b"PK\5\6"
_TAR_MAGIC = b"ustar"
_TAR_MAGIC_OFFSET = 257
_PICKLE_PROTOCOL = 0x80
"""The instruction that begins a pickle and states its protocol."""
_MAX_PICKLE_PROTOCOL = 5
_TEXT = "a text"
"""May be a pickle of protocol 0; short texts are impostors and do not come so far."""


def judge(window: Window) -> HeaderFacts:
    """What the file says about itself, and whether it can be that."""
    impostor = judge_weights(FORMAT, window)
    if impostor is not None:
        return impostor
    head = window.read(0, HEAD_BYTES)
    if head.startswith(torch_zip.MAGIC):
        return torch_zip.judge(window)
    if torch_legacy.has_magic(head) and len(head) > 1:
        return torch_legacy.judge(window)
    fault = _fault(window, head)
    if fault is not None:
        return HeaderFacts(format=FORMAT, fault=fault)
    return HeaderFacts(format=FORMAT, undecided="unknown-to-us", undecided_detail=_guess(window, head))


def _fault(window: Window, head: bytes) -> HeaderFault | None:
    """Only what no loader of such files can open; a .bin or .ckpt may be many things."""
    if len(head) < HEAD_BYTES:
        detail = f"the file has {window.size_bytes} bytes, fewer than any model needs"
        return HeaderFault("header-too-short", detail)
    if head.startswith(_EMPTY_ZIP):
        return HeaderFault("not-torch-archive", "the file is an empty zip archive")
    content = name_of_content(head)
    if content not in (None, _TEXT) and not _is_pickle(head):
        return HeaderFault("not-torch", f"the file begins like {content}")
    if _looks_zeroed(window):
        return HeaderFault("zeros", "the file holds zeros at its beginning, in its middle and at its end")
    return None


def _looks_zeroed(window: Window) -> bool:
    last = max(0, window.size_bytes - SAMPLE_BYTES)
    return not any(any(window.read(offset, SAMPLE_BYTES)) for offset in (0, last // 2, last))


def _is_pickle(head: bytes) -> bool:
    return head[0] == _PICKLE_PROTOCOL and head[1] <= _MAX_PICKLE_PROTOCOL


def _guess(window: Window, head: bytes) -> str:
    if _is_pickle(head):
        return "the file is a pickle of a kind that cannot be judged without running it"
    if window.read(_TAR_MAGIC_OFFSET, len(_TAR_MAGIC)) == _TAR_MAGIC:
        return "the file is a tar archive, as the first versions of PyTorch wrote"
    return "nothing is known of files that begin so"
