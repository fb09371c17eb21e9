"""Hearing witnesses: what a file's header says of it, and what the small files around it claim."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.checks.read_errors import STORAGE_ERRORS
from wan_healthd.domain.errors import WorkerFailed, WorkerRefused
from wan_healthd.domain.evidence import FileEvidence, HeaderFacts
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.ports import DigestEngine, Files, Threads
from wan_healthd.layouts.names import format_of
from wan_healthd.services.claims import Claims
from wan_healthd.services.shards import absent_tensors, is_shard
from wan_healthd.store import models
from wan_healthd.store.connection import Connection
from wan_healthd.store.database import Database
from wan_healthd.store.records import ModelRecord, PathState


class HeaderSaid(Struct, frozen=True):
    """What a header says, or the obstacle that kept us from asking it; neither for a format that has none."""

    facts: HeaderFacts | None = None
    obstacle: str | None = None
    complaint: str = ""


class Heard(Struct, frozen=True):
    """The evidence with all claims on the file, and what is wrong with those who make them."""

    evidence: FileEvidence
    findings: tuple[Finding, ...] = ()


class Hearing:
    """Asks headers through the digest engine, and sources through `claims`.

    Args:
        reads_content: False: a header that the disk refuses is an obstacle, since no read will say which bytes.
    """

    def __init__(
        self,
        *,
        engine: DigestEngine,
        files: Files,
        threads: Threads,
        database: Database,
        claims: Claims,
        reads_content: bool,
    ) -> None:
        self._engine = engine
        self._files = files
        self._threads = threads
        self._database = database
        self._claims = claims
        self._reads_content = reads_content

    async def header(self, path: bytes, descriptor: int) -> HeaderSaid:
        """What the open file at `path` says of itself."""
        name = format_of(path.rsplit(b"/", 1)[-1])
        if name is None:
            return HeaderSaid()
        try:
            return HeaderSaid(await self._engine.header(descriptor, name))
        except WorkerRefused as error:
            if error.errno_name in STORAGE_ERRORS and self._reads_content:
                return HeaderSaid()
            return HeaderSaid(None, error.code, error.message)
        except WorkerFailed as error:
            return HeaderSaid(None, error.code, error.message)

    async def index_on(self, state: PathState, evidence: FileEvidence) -> FileEvidence:
        """What the index beside a shard expects of it."""
        record = state.record
        if not is_shard(record.path):
            return evidence
        absent = await self._threads.run(lambda: absent_tensors(self._files, record.root, record.path, evidence.header))
        return replace(evidence, absent_tensors=absent.names, absent_tensors_total=absent.total) if absent.total else evidence

    async def claims_on(self, state: PathState, evidence: FileEvidence) -> Heard:
        """What is claimed of the file. Once a person has trusted it, no claim accuses it; one may still prove it."""
        record = await self._database.read(lambda db: _model_of(db, state.record.id))
        if record is None:
            return Heard(evidence)
        pointer = None if evidence.header is None else evidence.header.pointer
        gathered = await self._claims.about(state.record.path, record.model, evidence.look, pointer)
        agreeing = gathered.choice.agreeing
        if state.expected is not None and state.expected.is_trusted:
            return Heard(replace(evidence, claims=(), outdated_claims=(*agreeing, *gathered.outdated)))
        return Heard(replace(evidence, claims=agreeing, outdated_claims=gathered.outdated), gathered.findings)


def _model_of(connection: Connection, path_id: int) -> ModelRecord | None:
    ids = models.of_path(connection, path_id)
    return models.get(connection, ids[0]) if ids else None
