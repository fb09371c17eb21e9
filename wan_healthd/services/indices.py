"""An index and its shards, each held against the other."""

from __future__ import annotations

from msgspec.structs import replace

from wan_healthd.domain.evidence import FileEvidence, HeaderFacts, IndexTotal
from wan_healthd.domain.ports import Files, Threads
from wan_healthd.formats import safetensors, shard_index
from wan_healthd.layouts.names import format_of
from wan_healthd.services.evidence import hindered
from wan_healthd.services.headers import Headers
from wan_healthd.services.opening import close_in_thread, open_in_thread
from wan_healthd.services.shards import NONE, Absent, absent_tensors, index_of, is_shard
from wan_healthd.store.records import PathRecord

MAX_SHARDS = 1000
"""More are not added up; the largest published models have some 200."""


class Indices:
    """Looks at what stands beside a shard or an index."""

    def __init__(self, files: Files, threads: Threads, headers: Headers) -> None:
        self._files = files
        self._threads = threads
        self._headers = headers

    async def held_against(self, record: PathRecord, evidence: FileEvidence, descriptor: int) -> FileEvidence:
        """What a shard lacks of what its index places in it, and how an index errs about the size of its shards."""
        header = evidence.header
        if header is None:
            return evidence
        if is_shard(record.path):
            return await self._seek(record, evidence, header, descriptor)
        return await self._add_up(record, evidence, header) if header.format == shard_index.FORMAT else evidence

    async def _seek(self, record: PathRecord, evidence: FileEvidence, header: HeaderFacts, descriptor: int) -> FileEvidence:
        """Tensors that the shard should have; those that it seems to lack are sought in its header once more."""
        absent = await self._absent_from(record, header)
        if not absent.total:
            return evidence
        again = await self._headers.confirm(record.path, descriptor, header)
        if again.obstacle is not None:
            return hindered(evidence, again.obstacle, again.complaint)
        absent = await self._absent_from(record, again.facts)
        return replace(
            evidence,
            header=again.facts,
            header_misread=evidence.header_misread or again.was_misread,
            absent_tensors=absent.names,
            absent_tensors_total=absent.total,
        )

    async def _absent_from(self, record: PathRecord, header: HeaderFacts | None) -> Absent:
        if header is None:
            return NONE
        return await self._threads.run(lambda: absent_tensors(self._files, record.root, record.path, header))

    async def _add_up(self, record: PathRecord, evidence: FileEvidence, header: HeaderFacts) -> FileEvidence:
        """The index's own sum against that of the shards' headers; nothing unless each of them is there and sound."""
        index = await self._threads.run(lambda: index_of(header))
        if index is None or index.total_size is None or len(index.shards) > MAX_SHARDS:
            return evidence
        folder, actual = record.path.rpartition(b"/")[0], 0
        for shard in index.shards:
            size_bytes = await self._tensor_bytes(record.root, folder + b"/" + shard.encode())
            if size_bytes is None:
                return evidence
            actual += size_bytes
        return evidence if actual == index.total_size else replace(evidence, index_total=IndexTotal(index.total_size, actual))

    async def _tensor_bytes(self, root: bytes, path: bytes) -> int | None:
        """Bytes of all tensors of a shard by its header: in this format they fill all that is behind it."""
        if format_of(path.rpartition(b"/")[2]) != safetensors.FORMAT:
            return None
        opened = await open_in_thread(self._files, self._threads, root, path)
        if opened.descriptor is None:
            return None
        try:
            facts = (await self._headers.look(path, opened.descriptor)).facts
        finally:
            await close_in_thread(self._threads, opened.descriptor)
        if facts is None or facts.fault is not None or facts.declared_bytes is None or facts.payload_offset is None:
            return None
        return facts.declared_bytes - facts.payload_offset
