"""The same content in several places, as the store knows it."""

from __future__ import annotations

import pytest

from tests.unit.store.rows import MODEL, NOW, add_path, add_whole, identity
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_MISSING
from wan_healthd.domain.files import Role, VerifiedBy
from wan_healthd.store import contents, models, paths, twins
from wan_healthd.store.connection import Connection
from wan_healthd.store.twins import Weights

SHA = "ab" * 32
PATH = MODEL.path + b"/a.gguf"


@pytest.mark.parametrize(
    ("source", "uid", "is_vouched"),
    [
        (None, None, False),
        (VerifiedBy.BASELINE, None, False),
        (VerifiedBy.ZIP_CRC, None, False),
        (VerifiedBy.BASELINE, 0, True),
        (VerifiedBy.HF_TREE, None, True),
    ],
)
def test_who_vouches_for_a_file(connection: Connection, source: VerifiedBy | None, uid: int | None, is_vouched: bool) -> None:
    content = add_whole(connection, identity())
    path_id = add_path(connection, b"a.gguf", content)
    if source is not None:
        paths.expect_content(connection, path_id, content, at=NOW, source=source, by_uid=uid)
    assert twins.at(connection, PATH) == Weights(PATH, SHA, is_vouched, is_accused=False)
    assert twins.of_model(connection, MODEL.id) == (Weights(PATH, SHA, is_vouched, is_accused=False),)


def test_only_weights_that_are_there_and_were_read_count(connection: Connection) -> None:
    content = add_whole(connection, identity())
    path_id = add_path(connection, b"a.gguf", content)
    add_path(connection, b"config.json", content, Role.SUPPORT)
    add_path(connection, b"b.gguf")
    add_path(connection, b"c.gguf", contents.ensure(connection, identity(inode=9)))
    assert [weights.path for weights in twins.of_model(connection, MODEL.id)] == [PATH]
    wrong = CHECKSUM_MISMATCH.at(PATH, authority="x", what="x", why="x", cure="x")
    paths.replace_findings(connection, path_id, [wrong], NOW)
    assert [weights.is_accused for weights in twins.of_model(connection, MODEL.id)] == [True]
    paths.replace_findings(connection, path_id, [FILE_MISSING.at(PATH, what="x")], NOW)
    assert twins.of_model(connection, MODEL.id) == () and twins.at(connection, PATH) is None


def test_where_a_content_belongs(connection: Connection) -> None:
    content = add_whole(connection, identity())
    own = add_path(connection, b"a.gguf")
    assert twins.home_of(connection, SHA, own, None) is None
    stranger = paths.ensure(connection, b"/srv/models/b_low.gguf", b"/srv/models", Role.WEIGHTS)
    paths.expect_content(connection, stranger, content, at=NOW)
    paths.expect_content(connection, own, content, at=NOW)
    assert twins.home_of(connection, SHA, own, None) is None, "neither its own place nor one of another model"
    assert twins.home_of(connection, SHA, own, b"/srv/models/b_low.gguf") == b"/srv/models/b_low.gguf"
    sibling = add_path(connection, b"c.gguf")
    paths.expect_content(connection, sibling, content, at=NOW)
    assert twins.home_of(connection, SHA, own, None) == MODEL.path + b"/c.gguf"
    assert twins.home_of(connection, SHA, own, b"/srv/models/b_low.gguf") == b"/srv/models/b_low.gguf", "the partner first"
    assert twins.home_of(connection, "cd" * 32, own, None) is None
    models.forget(connection, [MODEL.id])
    assert twins.home_of(connection, SHA, own, None) is None
