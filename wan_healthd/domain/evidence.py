"""Evidence: all that was learnt about a file, without handles, so that it can cross to another process."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wan_healthd.domain.digests import Assurance
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import FileLook, Role, VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileIdentity, FileMode
from wan_healthd.domain.partials import Orphans


class HeaderFault(Struct, frozen=True):
    """Why a header is not valid. `code` names the rule of the format that it breaks, `detail` is one printable line."""

    code: str
    detail: str


class Impostor(StrEnum):
    """Something else that was saved under the name of a model file."""

    LFS_POINTER = "lfs-pointer"
    HTML = "html"
    JSON_ERROR = "json-error"
    XML_ERROR = "xml-error"
    TEXT = "text"


class LfsPointer(Struct, frozen=True):
    """What a git-LFS pointer promises: the digest and size of the file that should be there."""

    sha256: str
    size_bytes: int


class ModelKind(StrEnum):
    """What the tensors in a header say that a file is (domain facts, section 1)."""

    WAN_T2V_14B = "wan-t2v-14b"
    WAN_I2V_14B = "wan-i2v-14b"
    WAN_TI2V_5B = "wan-ti2v-5b"
    WAN_VAE_21 = "wan-vae-2.1"
    WAN_VAE_22 = "wan-vae-2.2"
    UMT5_ENCODER = "umt5-encoder"
    CLIP_VISION = "clip-vision"
    LORA = "lora"


class Section(Struct, frozen=True, array_like=True):
    """A part of a file that carries a CRC-32 of its own (an entry of a zip archive).

    `offset` and `length` are the stored bytes in the file; `is_deflated` says that the CRC is of their inflated
    `size_bytes`. An archive may have 65,536 of them, so they travel as arrays.
    """

    name: str
    offset: int
    length: int
    crc32: int
    is_deflated: bool = False
    size_bytes: int = 0


class HeaderFacts(Struct, frozen=True):
    """What a file says about itself.

    Args:
        format: name of the format it was judged as ("safetensors").
        fault: the first rule that its header breaks, or None.
        declared_bytes: the file size that an intact header demands; None where the header does not say.
        payload_offset: first byte behind the header, where known.
        tensor_count: number of tensors, where known.
        undecided: why no judgement was possible within bounds ("header-too-large-to-judge"), or None. Then the file is
            neither valid nor faulty.
        impostor: what was saved here instead; `pointer` stands for a git-LFS pointer. Then `fault` is set too.
        kind: what its tensors say that it is; None where that is not known.
        sections: parts that can be checked by their own CRC-32; empty where there are none, or all CRCs are zero.
        lost_tensors: names of the tensors that lie wholly or partly behind the end of a truncated file, in file order;
            possibly cut, `lost_tensors_total` counts all of them.
        packed_header: the header's bytes, zlib-compressed, to name tensors later even if the header is lost; None where
            it is faulty or too large to keep.
    """

    format: str
    fault: HeaderFault | None = None
    declared_bytes: int | None = None
    payload_offset: int | None = None
    tensor_count: int | None = None
    undecided: str | None = None
    undecided_detail: str = ""
    packed_header: bytes | None = None
    impostor: Impostor | None = None
    pointer: LfsPointer | None = None
    kind: ModelKind | None = None
    sections: tuple[Section, ...] = ()
    lost_tensors: tuple[str, ...] = ()
    lost_tensors_total: int = 0


class IndexTotal(Struct, frozen=True):
    """The sum of its tensors' bytes that an index of shards states, and the one that the shards' headers give."""

    stated_bytes: int
    actual_bytes: int


class KnownFile(Struct, frozen=True):
    """What was recorded of this path when it was last read whole and found good enough to keep."""

    size_bytes: int
    mode: FileMode


class Claim(Struct, frozen=True):
    r"""What one source says of a file: `authority` names it for people ("the tree of commit 1a2b3c4 in …/trees/….json").

    Hex digests in lower case; None for what the source does not tell. `git_sha1` is of a git blob: SHA-1 over
    `blob SIZE\\0` and the content.
    """

    source: VerifiedBy
    authority: str
    size_bytes: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None


class Expectation(Struct, frozen=True):
    """What the content should be, and who says so.

    `identity` is the state of the file in which a baseline was taken; the same identity with other bytes means that the disk
    changed them, not a person.
    """

    source: VerifiedBy
    size_bytes: int
    sha256: str | None = None
    identity: FileIdentity | None = None


class SecondRead(Struct, frozen=True):
    """The differing blocks, read again: which still differ, and whether both reads saw the same bytes."""

    still_differing: tuple[ByteRange, ...]
    same_bytes: bool


class ContentReading(Struct, frozen=True):
    """One complete read of a file's content, compared with its expectation.

    Args:
        sha256: of the whole file; None for a scrub, or where parts could not be read.
        differing: bytes whose block digests differ from the expected block map, on the first read.
        matches: whether everything that could be compared is as expected; None where nothing is expected.
        second: the second read of `differing`; None where nothing differed.
        bad_sections: parts whose own CRC-32 does not fit them, on two reads; `crc_checked` if they were looked at.
        unreadable: bytes that the storage refused to give.
        all_zero: whether every byte is zero (of a file that has bytes).
        tensors: names of the tensors that the damaged ranges touch, in file order; possibly cut, see `tensors_total`.
        in_header: whether the damage touches the header.
        git_sha1: as `sha256`; None where no claim asked for it.
    """

    sha256: str | None
    assurance: Assurance
    all_zero: bool = False
    matches: bool | None = None
    differing: tuple[ByteRange, ...] = ()
    second: SecondRead | None = None
    bad_sections: tuple[Section, ...] = ()
    crc_checked: bool = False
    unreadable: tuple[ByteRange, ...] = ()
    errno_name: str | None = None
    tensors: tuple[str, ...] = ()
    tensors_total: int = 0
    in_header: bool = False
    prefix_matches: bool | None = None
    """Whether all whole blocks that both the file and the expected block map have are equal; None where sizes are equal."""
    git_sha1: str | None = None


class FileEvidence(Struct, frozen=True):
    """Everything known about one file at one moment; the checks' only input.

    `absent_tensors` are the first of those that the index beside a shard places in it and that its header has not.
    `unjudged` says why content could not be looked at although it should have been ("changed-while-read"); None if it could.
    `complaint` adds the worker's words to it.

    `index_total` is set for an index that errs about its shards. `header_misread` says that a first look at the header gave
    other bytes than the second one, by which it is judged.

    `claims` is what others say of the content, best first, none of which contradicts another. `outdated_claims` were made
    before the file was last written to, or before a person accepted its bytes: they prove what fits them, and accuse nothing.

    `home` is another path of the model, or of its other expert, at which exactly the content that was read is expected.
    """

    path: bytes
    role: Role
    look: FileLook
    known: KnownFile | None = None
    expectation: Expectation | None = None
    header: HeaderFacts | None = None
    content: ContentReading | None = None
    absent_tensors: tuple[str, ...] = ()
    absent_tensors_total: int = 0
    header_misread: bool = False
    index_total: IndexTotal | None = None
    unjudged: str | None = None
    complaint: str = ""
    claims: tuple[Claim, ...] = ()
    outdated_claims: tuple[Claim, ...] = ()
    home: bytes | None = None

    @property
    def is_one_hole(self) -> bool:
        """Whether the file has a size but no block on disk: it reads as zeros from end to end."""
        identity = self.look.identity
        return identity is not None and identity.size_bytes > 0 and self.look.allocated_bytes == 0


class Neighbours(Struct, frozen=True):
    """A folder beside a ComfyUI model in which a companion of it would be, with the weight files that are in it and below.

    `weights` are paths, each with what the file is; None: nobody knows. `is_whole`: nothing in it is out of sight or arriving.
    """

    folder: bytes
    weights: tuple[tuple[bytes, ModelKind | None], ...] = ()
    is_whole: bool = True


class Twins(Struct, frozen=True):
    """Two weight files that should differ, one for each expert, and that hold the very same bytes.

    `proven` is the one of them (if only one) that an authority, or a person, says to be right.
    """

    high: bytes
    low: bytes
    proven: bytes | None = None


class HubSilence(Struct, frozen=True):
    """Why the hub could not say what the model's source holds, and what to do; `what` is a whole sentence."""

    what: str
    cure: str


class ModelEvidence(Struct, frozen=True):
    """What is known of a model as a whole, for the checks that no single file can decide.

    Args:
        files_expected: files that the model needs.
        files_present: those of them that are there.
        weights_present: weight files that are there.
        files_unread: files that are there but were never read.
        root_errno_name: why the root cannot be listed, or None.
        kind: what a ComfyUI model, which is one file, is; None where that is not known, or for any other model.
        neighbours: folders for companions in the same ComfyUI tree.
        kinds_anywhere: what all files below all roots are, as far as that is known.
        accepted_absent: paths whose absence somebody accepted.
        is_all_seen: whether all roots were walked, none is out of reach, and every weight file was judged once.
        missing_before: the companions that were missing when the model was judged last.
        twins: weight files of the two experts that are the same.
        hub_silence: why the last lookup of its source failed, or None.
        orphans: unfinished files of the model that nobody goes on with, as of `now_s` (seconds since 1970).
    """

    model_id: str
    path: bytes
    root: bytes
    stated: bool
    files_expected: int
    files_present: int
    weights_expected: int
    weights_present: int
    files_unread: int
    root_errno_name: str | None = None
    kind: ModelKind | None = None
    neighbours: tuple[Neighbours, ...] = ()
    kinds_anywhere: frozenset[ModelKind] = frozenset()
    accepted_absent: frozenset[bytes] = frozenset()
    is_all_seen: bool = True
    missing_before: tuple[Finding, ...] = ()
    twins: tuple[Twins, ...] = ()
    hub_silence: HubSilence | None = None
    orphans: Orphans = Orphans()
    now_s: float = 0.0
