"""Claims on a folder, first come first served: what is stated, what was known, then each layout in turn."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from wan_healthd.domain.files import Listing
from wan_healthd.domain.models import Layout, Model
from wan_healthd.domain.paths import printable
from wan_healthd.layouts import comfyui, diffusers, folder, hf_cache, local_dir, needs, shards, wan_native
from wan_healthd.layouts.ground import Ground, Nearby, names_in
from wan_healthd.layouts.hf_cache import Repo
from wan_healthd.layouts.needs import Need


class StatedModel(Struct, frozen=True):
    """A model that the configuration expects at `path` (absolute)."""

    id: str
    path: bytes


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
    return printable((relative or posixpath.basename(root.rstrip(b"/")) or root).decode("utf-8", "backslashreplace"))


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
    return Ground(model, _needs_at(above, names, nearby))


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
    path, root = listing.path, atlas.root
    if above is not None and (snapshot := above.id_of(posixpath.basename(path))) is not None:
        return Model(snapshot, Layout.HF_CACHE, path, root)
    known = atlas.remembered.get(path)
    if known is not None:
        return Model(known.id, layout or Layout.FOLDER, path, root)
    if layout is not None or folder.is_model(listing, may_be_lone=path != root and not is_collection):
        return Model(id_below(root, path), layout or Layout.FOLDER, path, root)
    return None


def _is_collection(path: bytes, root: bytes) -> bool:
    above, base = posixpath.split(path)
    is_top = above.rstrip(b"/") == root.rstrip(b"/")
    return comfyui.is_collection(base, None if is_top else posixpath.basename(above))


def _needs_at(above: Ground, names: frozenset[bytes], nearby: Nearby) -> tuple[Need, ...]:
    """What was needed here already, and what the folder's own layout and files add."""
    pipeline = nearby.peek(diffusers.INDEX, diffusers.MAX_INDEX_BYTES) if diffusers.INDEX in names else None
    of_layout = diffusers.needs_of(pipeline) if pipeline is not None else wan_native.needs_of(names)
    return (*shards.without_tables((*above.needs, *of_layout), names), *shards.needs_here(names, nearby))
