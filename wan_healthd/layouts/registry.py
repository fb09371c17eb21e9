"""Claims on a folder, first come first served: what is stated, what was known, then each layout in turn."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.files import Listing
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.paths import printable
from wan_healthd.layouts import comfyui, diffusers, essential, folder, hf_cache, local_dir, needs, shards, wan_native
from wan_healthd.layouts.ground import Ground, Nearby, names_in
from wan_healthd.layouts.hf_cache import Repo
from wan_healthd.layouts.needs import Need


class StatedModel(Struct, frozen=True):
    """A model that the configuration expects at `path` (absolute).

    `essential` are the files that it needs (see `layouts.essential`), None for what its layout needs; `listed` are the paths of
    all files that its source is known to have.
    """

    id: str
    path: bytes
    essential: tuple[bytes, ...] | None = None
    listed: tuple[bytes, ...] = ()


class Atlas(Struct, frozen=True):
    """What is known of a root before it is walked.

    `remembered` are the folder models that the state knows, by path: a folder once known as a model stays one, so that an id
    does not change because another file arrived.
    """

    root: bytes
    stated: Sequence[StatedModel] = ()
    remembered: Mapping[bytes, Model] = {}


def id_below(root: bytes, path: bytes) -> str:
    """The id of an unstated model: its path below the root, or the base name of a root that is itself a model."""
    relative = path[len(root) :].strip(b"/")
    return _shown(relative or posixpath.basename(root.rstrip(b"/")) or root)


def ids_beside(model: Model, holder: Model) -> Iterator[str]:
    """Ids for an unstated model whose own is `holder`'s, best first: ID@PLACE.

    PLACE is its root if that is another; else the folder of its cache, or its own path, below the root; at last its whole path.
    """
    yield from (f"{model.id}@{place}" for place in _places(model) if place != _shown(model.root) or model.root != holder.root)


def may_take(model: Model, holder: Model | None) -> bool:
    """Whether the model may have an id that is `holder`'s: snapshots of one repository hand it on as its main branch moves."""
    return holder is None or holder.path == model.path or (not holder.stated and _is_sibling(model, holder))


def _is_sibling(model: Model, other: Model) -> bool:
    is_cached = model.layout is other.layout is Layout.HF_CACHE
    return is_cached and posixpath.dirname(model.path) == posixpath.dirname(other.path)


def _places(model: Model) -> Iterator[str]:
    below = len(model.root.rstrip(b"/"))
    yield _shown(model.root)
    cache = hf_cache.cache_of_snapshot(model.path) if model.layout is Layout.HF_CACHE else None
    if cache is not None and len(cache) > below:
        yield _shown(cache[below:].strip(b"/"))
    yield _shown(model.path[below:].strip(b"/") or model.path)
    yield _shown(model.path)


def _shown(path: bytes) -> str:
    return printable(path.decode("utf-8", "backslashreplace"))


def stated_at(path: bytes, root: bytes, layout: Layout, stated: Sequence[StatedModel]) -> Model | None:
    """The stated model at this very path, if there is one: it overrules whatever lies around it."""
    return next((Model(model.id, layout, path, root, stated=True) for model in stated if model.path == path), None)


def enter(above: Ground, listing: Listing, atlas: Atlas, nearby: Nearby) -> Ground:
    """The ground of the listed folder, which a walk reached with `above` (see `Ground.below`)."""
    stated = stated_at(listing.path, atlas.root, Layout.FOLDER, atlas.stated)
    if above.is_skipped and stated is None:
        return above
    names = names_in(listing)
    repo = _repo_at(above.repo, listing.path, names, nearby)
    if repo is not None:
        ignored = names - {hf_cache.SNAPSHOTS} if repo.commits is None else frozenset()
        return Ground(stated or above.model, repo=repo, ignored=ignored)
    is_collection = above.is_collection or _is_collection(listing.path, atlas.root)
    layout = _layout_at(above.repo, listing, names, nearby)
    if stated is not None and layout is not None:
        stated = replace(stated, layout=layout)
    model = stated or above.model or _claim(above.repo, listing, layout, atlas, is_collection=is_collection)
    if model is None:
        return Ground(is_collection=is_collection, ignored=hf_cache.ignored_in(names))
    told = _told_at(listing.path, above.repo, model, atlas)
    if told is None and (stated is not None or not above.is_told):
        return Ground(model, _needs_at(above, names, nearby))
    return Ground(model, (*above.needs, *(told or ()), *shards.needs_here(names, nearby)), is_told=True)


def file_model(path: bytes, ground: Ground, atlas: Atlas) -> Model:
    """The model that weights at `path` belong to; by themselves if no folder claims them."""
    layout = Layout.COMFYUI if ground.is_collection else Layout.SINGLE_FILE
    stated = stated_at(path, atlas.root, layout, atlas.stated)
    return stated or ground.model or Model(id_below(atlas.root, path), layout, path, atlas.root)


def absent(ground: Ground, listing: Listing, atlas: Atlas) -> Iterator[tuple[bytes, Model]]:
    """Paths that are needed here and below and are not there, each with the model that needs it."""
    names = names_in(listing)
    place = listing.path.rstrip(b"/") + b"/"
    if ground.model is not None:
        yield from ((place + path, ground.model) for path in dict.fromkeys(needs.absent(ground.needs, names)))
    if ground.model is not None or ground.is_collection:
        yield from ((place + other, file_model(place + name, ground, atlas)) for name, other in comfyui.lone_experts(names))


def _repo_at(above: Repo | None, path: bytes, names: frozenset[bytes], nearby: Nearby) -> Repo | None:
    """The cached repository whose own folder, or whose folder of snapshots, this is."""
    if above is None:
        name = hf_cache.repo_of(posixpath.basename(path), names)
        return None if name is None else Repo(name, nearby.peek(hf_cache.MAIN, hf_cache.MAX_REF_BYTES) or b"")
    return replace(above, commits=names) if above.commits is None else None


def _layout_at(above: Repo | None, listing: Listing, names: frozenset[bytes], nearby: Nearby) -> Layout | None:
    """How the files of the model that the folder is are laid out; None if nothing but habit says that it is one."""
    if above is not None and above.id_of(posixpath.basename(listing.path)) is not None:
        return Layout.HF_CACHE
    has_notes = any(entry.name == b".cache" for entry in listing.entries) and nearby.is_folder(local_dir.NOTES)
    if has_notes and not local_dir.is_collection(names):
        return Layout.LOCAL_DIR
    if wan_native.needs_of(names):
        return Layout.WAN_NATIVE
    return Layout.DIFFUSERS if diffusers.INDEX in names else None


def _claim(above: Repo | None, listing: Listing, layout: Layout | None, atlas: Atlas, *, is_collection: bool) -> Model | None:
    """The model that this folder, with everything below it, is; None: it is only a place where models may be."""
    path, root, known = listing.path, atlas.root, atlas.remembered.get(listing.path)
    if above is not None and (snapshot := above.id_of(posixpath.basename(path))) is not None:
        model = Model(snapshot, Layout.HF_CACHE, path, root)
        is_beside = known is not None and known.id in {f"{snapshot}@{place}" for place in _places(model)}
        return replace(model, id=known.id) if known is not None and is_beside else model
    if known is not None:
        return Model(known.id, layout or Layout.FOLDER, path, root)
    if layout is not None or folder.is_model(listing, may_be_lone=path != root and not is_collection):
        return Model(id_below(root, path), layout or Layout.FOLDER, path, root)
    return None


def _is_collection(path: bytes, root: bytes) -> bool:
    above, base = posixpath.split(path)
    is_top = above.rstrip(b"/") == root.rstrip(b"/")
    return comfyui.is_collection(base, None if is_top else posixpath.basename(above))


def _told_at(path: bytes, repo: Repo | None, model: Model, atlas: Atlas) -> tuple[Need, ...] | None:
    """What the configuration says that the model needs, where its files begin: its folder, or each snapshot of a cached one."""
    own = next((stated for stated in atlas.stated if model.stated and stated.path == model.path), None)
    is_snapshot = repo is not None and repo.id_of(posixpath.basename(path)) is not None
    if own is None or own.essential is None or not (is_snapshot or path == own.path):
        return None
    return essential.needs_of(own.essential, own.listed)


def _needs_at(above: Ground, names: frozenset[bytes], nearby: Nearby) -> tuple[Need, ...]:
    """What was needed here already, and what the folder's own layout and files add."""
    pipeline = nearby.peek(diffusers.INDEX, diffusers.MAX_INDEX_BYTES) if diffusers.INDEX in names else None
    of_layout = diffusers.needs_of(pipeline) if pipeline is not None else wan_native.needs_of(names)
    return (*shards.without_tables((*above.needs, *of_layout), names), *shards.needs_here(names, nearby))
