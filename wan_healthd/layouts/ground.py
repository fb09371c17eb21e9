"""What a walk carries from folder to folder, and what a layout may look at beside a listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from wan_healthd.domain.files import Entry, Listing
from wan_healthd.domain.models import Model
from wan_healthd.layouts import needs
from wan_healthd.layouts.hf_cache import Repo
from wan_healthd.layouts.names import in_flight, is_hidden_folder, is_unfinished
from wan_healthd.layouts.needs import Need


class Nearby(Protocol):
    """Looks below the folder that was listed; names are relative to it. Nothing raises."""

    def peek(self, name: bytes, limit_bytes: int) -> bytes | None:
        """What a small file holds; None where there is none, it cannot be read, or it is larger than the limit."""

    def is_folder(self, name: bytes) -> bool:
        """Whether a folder is there."""


class Ground(Struct, frozen=True):
    """What is known of a folder before and after its listing was seen.

    Args:
        model: claims all files here and below, but for stated models.
        needs: what the model must hold here and below, relative to this folder.
        repo: the hub cache's repository in which the folder lies, above its snapshots.
        is_collection: it holds models, one a file, as ComfyUI has them.
        is_told: the configuration says what the model needs (`essential`): its layout has no say in it.
        is_skipped: nothing here or below is of interest.
        ignored: entries of this folder that are no models' files and no strangers either.
    """

    model: Model | None = None
    needs: tuple[Need, ...] = ()
    repo: Repo | None = None
    is_collection: bool = False
    is_told: bool = False
    is_skipped: bool = False
    ignored: frozenset[bytes] = frozenset()

    def below(self, name: bytes) -> Ground:
        """What a walk brings along into the sub-folder of that name."""
        if self.is_skipped or name in self.ignored:
            return Ground(is_skipped=True)
        return Ground(self.model, needs.below(self.needs, name), self.repo, self.is_collection, self.is_told)

    def entries(self, listing: Listing) -> Iterator[Entry]:
        """The entries of the folder that anybody may claim."""
        if not self.is_skipped:
            yield from (e for e in listing.entries if e.name not in self.ignored and not is_hidden_folder(e.name))


def names_in(listing: Listing) -> frozenset[bytes]:
    """Names that can meet a need: what is hidden or still being fetched is not there yet."""
    fetched = in_flight(entry.name for entry in listing.entries)
    names = frozenset(e.name for e in listing.entries if not is_hidden_folder(e.name) and not is_unfinished(e.name))
    return names - fetched
