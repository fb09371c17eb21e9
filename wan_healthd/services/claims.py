"""Gathering claims: what the small files around a file say that it should be (see `wan_healthd.provenance`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from wan_healthd.domain.evidence import Claim, LfsPointer
from wan_healthd.domain.files import FileLook, Presence
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileIdentity
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import Clock, Files, Threads
from wan_healthd.provenance import blob_name, pointer
from wan_healthd.provenance.choose import Choice, choose
from wan_healthd.provenance.homes import homes
from wan_healthd.provenance.places import sources_for
from wan_healthd.provenance.sources import SourceFile, SourceKind, Subject, Told, Unusable
from wan_healthd.provenance.stated import together
from wan_healthd.provenance.telling import Statements, parse, told, unread
from wan_healthd.services.hub_word import HubWord
from wan_healthd.services.shelf import Shelf

OF_MANY = frozenset({SourceKind.MANIFEST, SourceKind.HF_TREE, SourceKind.SUMS})
"""Sources that speak of more than one file."""

GUESSED = frozenset({SourceKind.DOWNLOAD_METADATA, SourceKind.SIDECAR, SourceKind.SUMS})
"""Sources that nobody named: each is sought in every folder, and most are not there."""

SETTLED_S = 2.0
"""A source younger than this is read again next time: a second write may leave the same time stamps (FAT counts by 2 s)."""

_Answer: TypeAlias = Statements | Unusable | FileLook


class Gathered(Struct, frozen=True):
    """All that is said of one file.

    Args:
        choice: its claims in order, and which of them count.
        outdated: claims made before the file was last written to.
        findings: what is wrong with the sources, and where they contradict one another; one for each code and path.
        after: a look at the open file once all was said.
    """

    choice: Choice
    outdated: tuple[Claim, ...] = ()
    findings: tuple[Finding, ...] = ()
    after: FileLook | None = None


class Claims:
    """Reads what stands beside files, and knows the longer ones by heart.

    Args:
        manifests: path of the manifest that the configuration states for a model, by the model's id; absolute, or relative to
            the model's folder.
        hub: what the hub said of the sources that the configuration states; None where it states none.
    """

    def __init__(
        self, files: Files, threads: Threads, clock: Clock, manifests: Mapping[str, bytes], hub: HubWord | None = None
    ) -> None:
        self._files = files
        self._threads = threads
        self._clock = clock
        self._manifests = manifests
        self._hub = hub or HubWord({})
        self._shelf = Shelf()

    async def about(
        self, path: bytes, model: Model, look: FileLook, found: LfsPointer | None = None, *, opened: int | None = None
    ) -> Gathered:
        """What is said of the file at `path`, which may be absent.

        Args:
            path: absolute, as it is named: no link in it is resolved.
            model: that it belongs to.
            look: at the file.
            found: the git-LFS pointer that stands in its place, if one does.
            opened: the open file; then the answer has one more look at it.
        """
        size_bytes = None if look.identity is None else look.identity.size_bytes
        subject = Subject(path, size_bytes, None if look.identity is None else look.identity.mtime_ns)
        now_ns = int(self._clock.now().timestamp() * 1e9)

        def ask() -> tuple[Told, FileLook | None]:
            part = self._gather(subject, model, now_ns, is_link=look.is_link)
            return part, None if opened is None else self._files.look_open(opened)

        part, after = await self._threads.run(ask)
        return _gathered(path, part if found is None else together([part, pointer.told(found, subject)]), after)

    def _gather(self, subject: Subject, model: Model, now_ns: int, *, is_link: bool) -> Told:
        way = self._files.way(model.root, subject.path) if is_link else (subject.path,)
        parts = [blob_name.told(way, subject)]
        waiting = deque(sources_for(subject.path, model, self._manifests.get(model.id)))
        while waiting:
            part = self._ask(waiting.popleft(), subject, now_ns)
            waiting.extend(part.further)
            parts.append(part)
        parts.append(self._hub.about(subject, model))
        return together(parts)

    async def homes_of(self, sha256: str, path: bytes, model: Model) -> tuple[bytes, ...]:
        """Other paths of which a source beside the file at `path` says that they have this SHA-256."""
        now_ns = int(self._clock.now().timestamp() * 1e9)
        return await self._threads.run(lambda: tuple(self._homes(sha256, Subject(path), model, now_ns)))

    def _homes(self, sha256: str, subject: Subject, model: Model, now_ns: int) -> Iterator[bytes]:
        waiting = deque(sources_for(subject.path, model, self._manifests.get(model.id)))
        while waiting:
            source = waiting.popleft()
            answer = self._answer(source, now_ns)
            if not isinstance(answer, FileLook):
                waiting.extend(told(source, answer, subject).further)
                yield from homes(answer, source, subject, sha256)
        yield from self._hub.homes_of(sha256, subject, model)

    def _ask(self, source: SourceFile, subject: Subject, now_ns: int) -> Told:
        answer = self._answer(source, now_ns)
        if not isinstance(answer, FileLook):
            return told(source, answer, subject)
        is_there = answer.identity is not None or answer.is_link
        if source.kind in GUESSED and not is_there:
            return Told()  # a folder above it hides it, which the file itself complains of if it matters
        return Told(findings=unread(source, answer.presence, answer.errno_name))

    def _answer(self, source: SourceFile, now_ns: int) -> _Answer:
        """What the source says; a look at it where it cannot be read."""
        if source.kind not in OF_MANY:
            return self._read(source)[0]
        look = self._files.look(source.root, source.path)
        if look.presence is not Presence.FILE or look.identity is None:
            return look
        known = self._shelf.find(source, look.identity)
        if known is not None:
            return known
        answer, identity, size_bytes = self._read(source)
        if not isinstance(answer, FileLook) and identity is not None and _is_settled(identity, now_ns):
            self._shelf.keep(source, identity, answer, size_bytes)
        return answer

    def _read(self, source: SourceFile) -> tuple[_Answer, FileIdentity | None, int]:
        """The answer, the state of the file that gave it, and its size in bytes."""
        read = self._files.read_small(source.root, source.path, source.limit_bytes)
        if read.data is None:
            return read.look, None, 0
        return parse(source, read.data), read.look.identity, len(read.data)


def _is_settled(identity: FileIdentity, now_ns: int) -> bool:
    return now_ns - max(identity.ctime_ns, identity.mtime_ns) >= SETTLED_S * 1e9


def _gathered(path: bytes, answer: Told, after: FileLook | None) -> Gathered:
    choice = choose(answer.claims)
    disputes = (contradiction.finding(path) for contradiction in choice.contradictions)
    return Gathered(choice, answer.outdated, _distinct((*answer.findings, *disputes)), after)


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first one of each code and path."""
    first: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        first.setdefault((finding.code, finding.path, finding.path_b64), finding)
    return tuple(first.values())
