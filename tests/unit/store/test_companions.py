"""What stands beside a model, as the store knows it."""

from __future__ import annotations

import pytest

from tests.unit.store.rows import NOW, ROOT, add_path, add_whole, identity
from wan_healthd.domain.catalogue import FILE_MISSING
from wan_healthd.domain.evidence import ModelKind
from wan_healthd.domain.files import Role
from wan_healthd.domain.models import Layout, Model
from wan_healthd.store import companions, contents, models, paths, roots
from wan_healthd.store.companions import Folder
from wan_healthd.store.connection import Connection

VAE, TEXT = ROOT + b"/vae", ROOT + b"/text_encoders"


def put(connection: Connection, name: bytes, kind: ModelKind | None, inode: int) -> int:
    """A ComfyUI model of one file, which was judged."""
    path = ROOT + b"/" + name
    models.put(connection, Model(name.decode(), Layout.COMFYUI, path, ROOT), NOW)
    path_id = paths.ensure(connection, path, ROOT, Role.WEIGHTS)
    models.join(connection, name.decode(), path_id)
    content = add_whole(connection, identity(inode=inode))
    contents.identify(connection, content.id, kind)
    paths.judged(connection, path_id, content_id=content.id, mode=None, at=NOW)
    return path_id


def news(connection: Connection, root: bytes, folder: bytes, found: dict[bytes, bool]) -> bool:
    """Record a walk; whether it told anything new."""
    is_news = companions.is_news(connection, root, folder, found)
    companions.walked(connection, root, folder, found)
    return is_news


def test_a_walk_replaces_what_it_came_by_and_tells_what_is_news(connection: Connection) -> None:
    models.watch(connection, [ROOT], [])
    assert news(connection, ROOT, ROOT, {}), "the first walk of a root is news by itself"
    assert not news(connection, ROOT, ROOT, {})
    assert news(connection, ROOT, ROOT, {VAE: True, TEXT: False})
    assert companions.folders(connection, ROOT) == (Folder(TEXT, False), Folder(VAE, True))
    assert not news(connection, ROOT, TEXT, {TEXT: False}), "a walk of a part knows nothing of the rest"
    assert news(connection, ROOT, TEXT, {TEXT: True})
    assert news(connection, ROOT, VAE, {})
    assert companions.folders(connection, ROOT) == (Folder(TEXT, True),)
    assert companions.is_in_a_folder(connection, [b"/x", TEXT]) and not companions.is_in_a_folder(connection, [VAE])
    assert companions.folders(connection, b"/elsewhere") == ()


def test_weights_and_what_they_are(connection: Connection) -> None:
    old = put(connection, b"vae/old.safetensors", ModelKind.WAN_VAE_21, 1)
    put(connection, b"vae/deep/x.safetensors", None, 2)
    put(connection, b"vae2/new.safetensors", ModelKind.WAN_VAE_22, 3)
    below = dict(companions.weights_below(connection, VAE))
    assert below == {VAE + b"/deep/x.safetensors": None, VAE + b"/old.safetensors": ModelKind.WAN_VAE_21}
    assert companions.kinds_anywhere(connection, ModelKind) == {ModelKind.WAN_VAE_21, ModelKind.WAN_VAE_22}
    paths.replace_findings(connection, old, [FILE_MISSING.at(VAE + b"/old.safetensors", what="x")], NOW)
    assert companions.kinds_anywhere(connection, ModelKind) == {ModelKind.WAN_VAE_22}
    assert companions.kind_at(connection, VAE + b"/old.safetensors") is None
    assert companions.kind_at(connection, ROOT + b"/vae2/new.safetensors") is ModelKind.WAN_VAE_22
    assert [path for path, _ in companions.weights_below(connection, VAE)] == [VAE + b"/deep/x.safetensors"]
    models.watch(connection, [], [])
    assert companions.kinds_anywhere(connection, ModelKind) == frozenset(), "what is not watched is no help"


def test_models_by_kind(connection: Connection) -> None:
    put(connection, b"unet/a.gguf", ModelKind.WAN_T2V_14B, 1)
    put(connection, b"unet/b.gguf", ModelKind.WAN_TI2V_5B, 2)
    put(connection, b"vae/c.gguf", ModelKind.WAN_VAE_21, 3)
    wanted = [ModelKind.WAN_T2V_14B, ModelKind.WAN_TI2V_5B]
    assert companions.comfyui_models(connection, wanted) == ("unet/a.gguf", "unet/b.gguf")
    models.watch(connection, [], [])
    assert companions.comfyui_models(connection, wanted) == ()


@pytest.mark.parametrize("hindrance", ["unwalked", "unjudged", "lost"])
def test_all_is_seen_only_when_nothing_is_left(connection: Connection, hindrance: str) -> None:
    other = b"/srv/other"
    models.watch(connection, [ROOT, other], [])
    for root in (ROOT, other):
        companions.walked(connection, root, root, {})
    assert companions.is_all_seen(connection)
    if hindrance == "unwalked":
        models.watch(connection, [ROOT, b"/new"], [])
    elif hindrance == "lost":
        roots.lose(connection, other, "EIO", NOW)
    else:
        add_path(connection, b"w.gguf")
    assert not companions.is_all_seen(connection)
    models.watch(connection, [ROOT] if hindrance != "unjudged" else [], [])
    assert companions.is_all_seen(connection), "what is watched no more is not waited for"
