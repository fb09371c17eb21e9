"""What a file really is when it is not what its name says: by its first bytes."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"version ", "a git-LFS pointer: the model was cloned without `git lfs pull`"),
    (b"PK\x03\x04", "a zip archive or a PyTorch checkpoint"),
    (b"GGUF", "a GGUF file"),
    (b"\x80\x02\x8a\x0a", "an old PyTorch checkpoint"),
    (b"<", "an HTML or XML page: an error page saved as a model"),
    (b"{", "a JSON text: an error message saved as a model"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
)


def name_of_content(prefix: bytes) -> str | None:
    """What a file that begins with these (at least 8) bytes looks like; None where nothing is recognised.

    A signature of one byte counts only where all eight bytes are ASCII text.
    """
    text = prefix[:8].translate(None, b"\t\r\n")
    is_text = text.isascii() and text.decode().isprintable()
    for magic, name in _SIGNATURES:
        if prefix.startswith(magic) and (len(magic) > 1 or is_text):
            return name
    return "a text" if is_text else None
