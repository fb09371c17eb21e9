"""What is true of every finding of one kind."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, Struct

from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.findings import Category, Cause, CorruptionType, Finding, Severity
from wan_healthd.domain.paths import base64_if_needed, display, printable


class FindingKind(Struct, frozen=True):
    """A kind of finding; `text` and `suggestion` are `str.format` templates over the facts a check hands in.

    `undetermined` kinds say that we could not look: they are advice, yet they keep a model from being HEALTHY.
    """

    code: str
    category: Category
    corruption_type: CorruptionType | None
    severity: Severity
    text: str
    suggestion: str
    undetermined: bool = False

    def at(
        self,
        path: bytes | None,
        *,
        ranges: Iterable[ByteRange] = (),
        tensors: Iterable[str] = (),
        cause: Cause | None = None,
        severity: Severity | None = None,
        **facts: object,
    ) -> Finding:
        """The finding of this kind at `path`; `facts` fill the texts, made printable first."""
        shown = {key: printable(str(value)) for key, value in facts.items()}
        if path is not None:
            shown["name"] = display(path.rsplit(b"/", 1)[-1])
        exact = base64_if_needed(path) if path is not None else None
        return Finding(
            code=self.code,
            category=self.category,
            corruption_type=self.corruption_type,
            severity=severity or self.severity,
            path=display(path) if path is not None else None,
            path_b64=UNSET if exact is None else exact,
            message=self.text.format_map(shown),
            suggestion=self.suggestion.format_map(shown),
            ranges=tuple(ranges),
            tensors=tuple(printable(name) for name in tensors),
            cause=cause,
        )
