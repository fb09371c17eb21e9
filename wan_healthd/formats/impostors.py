"""What is saved under the name of a model file when a download went wrong: pointers, pages and error messages.

Told from the first bytes alone. A header of safetensors, GGUF, zip, ONNX or pickle has bytes that no text has, so none of them
is ever taken for an impostor; the one format that is text, pickle's protocol 0, is looked for.
"""

from __future__ import annotations

import re

from wan_healthd.domain.evidence import HeaderFacts, HeaderFault, Impostor, LfsPointer
from wan_healthd.domain.paths import printable
from wan_healthd.formats.error_bodies import is_error_line, is_json_error
from wan_healthd.formats.lfs_pointer import is_pointer, read_pointer
from wan_healthd.formats.window import Window

HEAD_BYTES = 4096
"""What is looked at; a plain text is an impostor only if this holds all of it."""
MIN_TEXT_BYTES = 8
"""Every format has a byte that no text has among its first eight, but not in fewer: `GGUF` alone is the rest of a file."""
SHOWN_CHARS = 60

Found = tuple[Impostor, LfsPointer | None]

_BOM = b"\xef\xbb\xbf"
_LEADING_COMMENTS = re.compile(rb"(?:<!--(?:(?!-->).)*+-->\s*+)++", re.DOTALL)
_XML_DECLARATION = re.compile(rb"<\?xml\b[^>]*+>\s*+", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+html|(?:html|head|body|title|meta|script|center|h1)(?=[\s/>]))", re.IGNORECASE)
_XML_ERROR = re.compile(rb"<(?:\w+:)?(?:Error|ErrorResponse|Exception)(?=[\s>])")
_TEXT_PICKLE = re.compile(rb"[IFLSVp(c\]}].*\n.*\.\s*\Z|N\.\s*\Z", re.DOTALL)
_PICKLE_LINE = re.compile(rb"^(?:[ctusab.(]*[pg]\d+|[ILF]-?[\d.]+L?|c[\w.]+)$", re.MULTILINE)
_DESCRIPTIONS = {
    Impostor.LFS_POINTER: "a git-LFS pointer: the model was cloned without `git lfs pull`",
    Impostor.HTML: "an HTML page saved as a model",
    Impostor.JSON_ERROR: "an error message in JSON saved as a model",
    Impostor.XML_ERROR: "an error message in XML saved as a model",
    Impostor.TEXT: "a short text saved as a model",
}


def recognise(head: bytes, size_bytes: int) -> Found | None:
    """What a file of weights really is; None where it is no known impostor. Only for names that promise binary content.

    Args:
        head: the first `HEAD_BYTES` bytes of the file, or all of a shorter one.
        size_bytes: the file's size.
    """
    found = recognise_in_text(head, size_bytes)
    if found is not None:
        return found
    if is_json_error(head, is_whole=size_bytes <= HEAD_BYTES):
        return Impostor.JSON_ERROR, None
    if MIN_TEXT_BYTES <= size_bytes <= HEAD_BYTES and _is_text(head) and not _is_text_pickle(head):
        return Impostor.TEXT, None
    return None


def recognise_in_text(head: bytes, size_bytes: int) -> Found | None:
    """The same for names that promise a text or JSON: only what no vocabulary and no configuration is."""
    if is_pointer(head):
        return Impostor.LFS_POINTER, read_pointer(head, size_bytes)
    markup = _without_preamble(head)
    if _HTML.match(markup):
        return Impostor.HTML, None
    if _XML_ERROR.match(markup):
        return Impostor.XML_ERROR, None
    if size_bytes <= HEAD_BYTES and is_error_line(head):
        return Impostor.TEXT, None
    return None


def facts_of(format_name: str, head: bytes, found: Found) -> HeaderFacts:
    """The judgement of a file that is an impostor, as any format returns it."""
    impostor, pointer = found
    detail = f"the file is {_DESCRIPTIONS[impostor]}"
    if impostor in (Impostor.TEXT, Impostor.JSON_ERROR):
        detail += f": {_beginning(head)}"
    return HeaderFacts(format=format_name, fault=HeaderFault("impostor", detail), impostor=impostor, pointer=pointer)


def judge_weights(format_name: str, window: Window) -> HeaderFacts | None:
    """What every format of weights asks first: the judgement if the file is an impostor, else None."""
    head = window.read(0, HEAD_BYTES)
    found = recognise(head, window.size_bytes)
    return None if found is None else facts_of(format_name, head, found)


def _without_preamble(head: bytes) -> bytes:
    """The text from its first tag on: without byte order mark, white space, XML declaration and comments."""
    text = head.removeprefix(_BOM).lstrip()
    for preamble in (_XML_DECLARATION, _LEADING_COMMENTS):
        if match := preamble.match(text):
            text = text[match.end() :]
    return text


def _is_text(head: bytes) -> bool:
    """Whether the bytes are printable text with at least one letter in it."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return text.translate({ord(space): None for space in "\t\r\n"}).isprintable() and any(map(str.isalpha, text))


def _is_text_pickle(head: bytes) -> bool:
    """Whether the text may be a pickle of protocol 0: ends in its STOP mark and has a line that is an instruction."""
    return _TEXT_PICKLE.match(head) is not None and (head.startswith(b"N.") or _PICKLE_LINE.search(head) is not None)


def _beginning(head: bytes) -> str:
    """The text's first line for people: printable and short."""
    text = head.decode("utf-8-sig", "replace").strip()
    line = text.splitlines()[0]
    return printable(line[:SHOWN_CHARS]) + ("…" if len(text) > SHOWN_CHARS or line != text else "")
