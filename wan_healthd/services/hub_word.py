"""The hub's word on files: the trees that are pinned, and what is known of published files, for models that state a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from wan_healthd.domain.models import Model
from wan_healthd.domain.source_ref import SourceRef
from wan_healthd.layouts.registry import StatedModel
from wan_healthd.provenance import hub, published
from wan_healthd.provenance.homes import homes_at_hub
from wan_healthd.provenance.hub import PinnedTree
from wan_healthd.provenance.sources import NOT_TOLD, Subject, Told


class HubWord:
    """Answers from memory: whoever gathers claims never waits for the network.

    Trees are put in from the event loop and asked from threads: each is one immutable value, replaced as a whole.

    Args:
        sources: that the configuration states, by the models' ids.
    """

    def __init__(self, sources: Mapping[str, SourceRef]) -> None:
        self._sources = sources
        self._trees: dict[str, PinnedTree] = {}

    def keep(self, model_id: str, tree: PinnedTree) -> None:
        """From now on the model is held against this tree."""
        self._trees[model_id] = tree

    def has_tree_of(self, model_id: str) -> bool:
        """Whether the model's source is known file by file."""
        return model_id in self._trees

    def about(self, subject: Subject, model: Model) -> Told:
        """What is said of the subject. The tables of what was published speak only where the tree does not."""
        source, tree = self._sources.get(model.id), self._trees.get(model.id)
        if source is None:
            return NOT_TOLD
        answer = NOT_TOLD if tree is None else hub.told(tree, model, subject)
        return published.told(source, model, subject) if answer == NOT_TOLD else answer

    def homes_of(self, sha256: str, subject: Subject, model: Model) -> Iterator[bytes]:
        """Other paths of the model of which its tree says that they have this SHA-256."""
        tree = self._trees.get(model.id)
        if tree is not None:
            yield from homes_at_hub(tree, model, subject, sha256)

    def informed(self, stated: Iterable[StatedModel]) -> tuple[StatedModel, ...]:
        """The stated models, with the files that their sources are known to have where the configuration selects among them."""
        return tuple(
            model
            if model.essential is None or (tree := self._trees.get(model.id)) is None
            else replace(model, listed=tree.paths)
            for model in stated
        )
