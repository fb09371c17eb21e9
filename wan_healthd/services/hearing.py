"""Hearing witnesses: what a file's header says of it, and what the files around it claim."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.evidence import FileEvidence
from wan_healthd.domain.files import FileLook
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.fitting import fit_of
from wan_healthd.domain.models import Model
from wan_healthd.domain.ports import DigestEngine, Files, Threads
from wan_healthd.layouts.experts import partner_of
from wan_healthd.services.claims import Claims
from wan_healthd.services.headers import Headers, HeaderSaid
from wan_healthd.services.indices import Indices
from wan_healthd.services.known import Known
from wan_healthd.store import twins
from wan_healthd.store.database import Database
from wan_healthd.store.records import PathState


class Heard(Struct, frozen=True):
    """The evidence with all claims on the file, and what is wrong with those who make them.

    `after`: a look at the open file once all was heard.
    """

    evidence: FileEvidence
    findings: tuple[Finding, ...] = ()
    after: FileLook | None = None


class Hearing:
    """Asks headers through the digest engine, and sources through `claims`.

    Args:
        reads_content: see `headers.Headers`.
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
        self._headers = Headers(engine, reads_content=reads_content)
        self._indices = Indices(files, threads, self._headers)
        self._files = files
        self._threads = threads
        self._database = database
        self._claims = claims

    async def header(self, path: bytes, descriptor: int) -> HeaderSaid:
        """What the open file at `path` says of itself."""
        return await self._headers.of(path, descriptor)

    async def index_on(self, state: PathState, evidence: FileEvidence, descriptor: int) -> FileEvidence:
        """What a shard and its index say of one another."""
        return await self._indices.held_against(state.record, evidence, descriptor)

    async def claims_on(self, known: Known, evidence: FileEvidence, opened: int | None = None) -> Heard:
        """What is claimed of the file. Once a person has trusted it, no claim accuses it; one may still prove it.

        Of a file that is `opened` the answer has one more look.
        """
        state, model = known.state, known.model
        if model is None:
            return Heard(evidence, after=None if opened is None else await self._look(opened))
        pointer = None if evidence.header is None else evidence.header.pointer
        gathered = await self._claims.about(state.record.path, model, evidence.look, pointer, opened=opened)
        agreeing, after = gathered.choice.agreeing, gathered.after
        if state.expected is not None and state.expected.is_trusted:
            return Heard(replace(evidence, claims=(), outdated_claims=(*agreeing, *gathered.outdated)), after=after)
        return Heard(replace(evidence, claims=agreeing, outdated_claims=gathered.outdated), gathered.findings, after)

    async def _look(self, opened: int) -> FileLook:
        return await self._threads.run(lambda: self._files.look_open(opened))

    async def home_of(self, known: Known, evidence: FileEvidence) -> FileEvidence:
        """Of content that is not what it should be: where in the model, or at its other expert, it is just what should be."""
        sha256, record, model = None if evidence.content is None else evidence.content.sha256, known.state.record, known.model
        path = record.path
        if sha256 is None or not _is_out_of_place(evidence, sha256):
            return evidence
        partner = partner_of(path)
        home = await self._database.read(lambda db: twins.home_of(db, sha256, record.id, partner))
        if home is None and model is not None:
            stated = await self._claims.homes_of(sha256, path, model)
            home = next((other for other in stated if other == partner or _is_of(other, model)), None)
        return evidence if home is None else replace(evidence, home=home)


def _is_out_of_place(evidence: FileEvidence, sha256: str) -> bool:
    """Whether other content is expected here. What was expected and rotted on the disk is not out of place."""
    if evidence.expectation is not None and evidence.expectation.sha256 == sha256:
        return False
    differs = evidence.content is not None and evidence.content.matches is False
    return differs or fit_of(evidence).contradicted is not None


def _is_of(path: bytes, model: Model) -> bool:
    return model.layout.is_folder and path.startswith(model.path.rstrip(b"/") + b"/")
