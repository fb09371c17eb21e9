"""Where a model's good bytes come from, as the configuration states it: `hf:ORG/NAME[@REVISION]`."""

from __future__ import annotations

import re

from msgspec import Struct

SCHEME = "hf:"
MAX_PART_CHARS = 96
MAX_REVISION_CHARS = 255

COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_NOT_IN_A_REF = re.compile(r"[ ~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)")


class NotASource(ValueError):
    """The text names no source; the message is a reason without a subject ("it has no owner before the name")."""


class SourceRef(Struct, frozen=True):
    """A repository of the hub, "ORG/NAME"; `revision` is a commit, branch or tag, None where none is stated."""

    repo: str
    revision: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether it names one commit, whose files never change."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return SCHEME + self.repo + ("" if self.revision is None else f"@{self.revision}")


def parse(text: str) -> SourceRef:
    """The source that the text names.

    The names are those that the hub's client accepts (huggingface_hub 2.4.0, `validate_repo_id`), with an owner; revisions are
    what git calls a ref (git-check-ref-format).

    Raises:
        NotASource: it names none.
    """
    if not text.startswith(SCHEME):
        raise NotASource("it does not begin with hf:")
    repo, at, revision = text.removeprefix(SCHEME).partition("@")
    owner, slash, name = repo.partition("/")
    if not slash:
        raise NotASource("it has no owner before the name")
    if not (_is_part(owner) and _is_part(name)) or name.endswith(".git"):
        raise NotASource("the hub has no repositories of such a name")
    if at and not _is_revision(revision):
        raise NotASource("what follows the @ is no commit, branch or tag")
    return SourceRef(repo, revision if at else None)


def _is_part(text: str) -> bool:
    return len(text) <= MAX_PART_CHARS and _PART.fullmatch(text) is not None and "--" not in text and ".." not in text


def _is_revision(text: str) -> bool:
    if not text.isprintable() or not 0 < len(text) <= MAX_REVISION_CHARS:
        return False
    return _NOT_IN_A_REF.search(text) is None and text[0] not in "/.-" and text[-1] not in "/."
