"""Paths: bytes, what is open there, and what a sweep must know of them."""

from __future__ import annotations

import pytest

from tests.unit.store.rows import MODEL, NOW, ROOT, add_path, add_whole, identity, later
from wan_healthd.domain.catalogue import CHECKSUM_MISMATCH, FILE_MISSING, READ_ERROR
from wan_healthd.domain.extents import ByteRange
from wan_healthd.domain.files import Role, VerifiedBy
from wan_healthd.domain.findings import Finding
from wan_healthd.domain.identity import FileMode
from wan_healthd.domain.models import Layout, Model
from wan_healthd.store import contents, models, paths
from wan_healthd.store.connection import Connection

FOLDER = MODEL.path
ODD = [b"plain", b"\xff\xfe", b"new\nline", b"\x1b[31m", "schön".encode(), b"a'b\"c;--", b"%_", b"\x00zero"]


def missing(what: str = "gone") -> Finding:
    return FILE_MISSING.at(b"/f", what=what)


def mismatch(offset: int = 0) -> Finding:
    span = ByteRange(offset, 1)
    return CHECKSUM_MISMATCH.at(b"/f", authority="baseline", what="it", why="x", cure="y", ranges=(span,))


@pytest.mark.parametrize("name", ODD)
def test_a_path_is_bytes(connection: Connection, name: bytes) -> None:
    path_id = add_path(connection, name)
    record = paths.get(connection, FOLDER + b"/" + name)
    assert record is not None
    assert (record.id, record.path, record.root, record.role) == (path_id, FOLDER + b"/" + name, ROOT, Role.WEIGHTS)
    assert list(paths.in_folder(connection, ROOT, FOLDER)) == [FOLDER + b"/" + name]
    assert models.file_paths(connection, MODEL.id) == (FOLDER + b"/" + name,)


def test_ensure_keeps_the_number_and_renews_role_and_root(connection: Connection) -> None:
    first = paths.ensure(connection, b"/a/b", b"/a", Role.SUPPORT)
    assert paths.ensure(connection, b"/a/b", b"/", Role.WEIGHTS) == first
    record = paths.get(connection, b"/a/b")
    assert record is not None
    assert (record.root, record.role, record.judged_at) == (b"/", Role.WEIGHTS, None)


def test_folders_are_those_below_and_no_neighbours(connection: Connection) -> None:
    for path in (b"/r/m/a", b"/r/m/sub/deep/a", b"/r/m-other/a", b"/r/m0/a", b"/r/l/a", b"/r/m/\xff/a"):
        paths.ensure(connection, path, b"/r", Role.WEIGHTS)
    paths.ensure(connection, b"/q/m/a", b"/q", Role.WEIGHTS)
    assert paths.folders(connection, b"/r", b"/r/m") == {b"/r/m", b"/r/m/sub/deep", b"/r/m/\xff"}
    assert len(paths.folders(connection, b"/r", b"/r")) == 6
    assert paths.folders(connection, b"/r", b"/r/m", but_for={b"/r/m", b"/q"}) == {b"/r/m/sub/deep", b"/r/m/\xff"}


def test_a_root_that_is_the_root_of_all(connection: Connection) -> None:
    paths.ensure(connection, b"/a", b"/", Role.WEIGHTS)
    paths.ensure(connection, b"/m/b", b"/", Role.WEIGHTS)
    assert list(paths.in_folder(connection, b"/", b"/")) == [b"/a"]
    assert paths.folders(connection, b"/", b"/") == {b"/", b"/m"}


def test_a_glance(connection: Connection) -> None:
    content = add_whole(connection, identity(inode=2**64 - 1))
    seen, judged, bad = (add_path(connection, name) for name in (b"seen", b"judged", b"wrong"))
    paths.judged(connection, judged, content_id=content.id, mode=None, at=NOW)
    paths.judged(connection, bad, content_id=None, mode=None, at=NOW)
    paths.replace_findings(connection, bad, [missing()], NOW)
    glances = {path.rsplit(b"/")[-1]: glance for path, glance in paths.in_folder(connection, ROOT, FOLDER).items()}
    assert glances == {
        b"seen": paths.Glance(("flux",), None, False, False, False),
        b"judged": paths.Glance(("flux",), content.identity, True, False, False),
        b"wrong": paths.Glance(("flux",), None, True, True, False),
    }
    contents.begin_scrub(connection, content.id, NOW)
    assert paths.in_folder(connection, ROOT, FOLDER)[FOLDER + b"/judged"].is_half_read
    assert seen != judged


@pytest.mark.parametrize("model_id", ["a\x1fb", "a,b", 'a"b\\', "a\nb", "schön/☃"])
def test_a_glance_takes_any_model_id(connection: Connection, model_id: str) -> None:
    models.put(connection, Model(model_id, Layout.FOLDER, FOLDER, ROOT), NOW)
    models.join(connection, model_id, paths.ensure(connection, FOLDER + b"/a", ROOT, Role.WEIGHTS))
    assert paths.in_folder(connection, ROOT, FOLDER)[FOLDER + b"/a"].models == (model_id,)


def test_no_model_is_no_model(connection: Connection) -> None:
    paths.ensure(connection, FOLDER + b"/a", ROOT, Role.WEIGHTS)
    assert paths.in_folder(connection, ROOT, FOLDER)[FOLDER + b"/a"].models == ()


def test_the_recorded_mode_stays_until_it_is_told_anew(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    paths.judged(connection, path_id, content_id=None, mode=FileMode(0o644, 1, 2), at=NOW)
    paths.judged(connection, path_id, content_id=None, mode=None, at=later(1))
    record = paths.get(connection, FOLDER + b"/a")
    assert record is not None
    assert (record.mode, record.judged_at) == (FileMode(0o644, 1, 2), later(1))


def test_findings_keep_first_seen(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    paths.replace_findings(connection, path_id, [mismatch(1)], NOW)
    paths.replace_findings(connection, path_id, [mismatch(2), missing()], later(5))
    assert [(f.code, f.first_seen) for f in paths.findings(connection, path_id)] == [
        ("checksum-mismatch", NOW),
        ("file-missing", later(5)),
    ]
    assert paths.findings(connection, path_id)[0].ranges == (ByteRange(2, 1),)
    paths.replace_findings(connection, path_id, [], later(6))
    assert paths.findings(connection, path_id) == ()
    paths.replace_findings(connection, path_id, [mismatch(1)], later(7))
    assert paths.findings(connection, path_id)[0].first_seen == later(7), "what was gone and came back is seen anew"


def test_one_code_stands_once(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    paths.replace_findings(connection, path_id, [mismatch(1), mismatch(2)], NOW)
    assert [finding.ranges for finding in paths.findings(connection, path_id)] == [(ByteRange(1, 1),)]


def test_findings_come_back_whole(connection: Connection) -> None:
    path_id = add_path(connection, b"a")
    finding = READ_ERROR.at(b"/\xff\n", what="x", errno_name="EIO", ranges=(ByteRange(2**62, 1),), tensors=("a\nb",))
    paths.replace_findings(connection, path_id, [finding], NOW)
    (stored,) = paths.findings(connection, path_id)
    assert (stored.path, stored.path_b64, stored.ranges, stored.tensors) == (
        finding.path,
        finding.path_b64,
        finding.ranges,
        finding.tensors,
    )


def test_a_baseline(connection: Connection) -> None:
    content, path_id = add_whole(connection, identity()), add_path(connection, b"a")
    assert paths.expected(connection, path_id) is None
    paths.expect_content(connection, path_id, content, at=NOW, by_uid=1000, reason="mine")
    expected = paths.expected(connection, path_id)
    assert expected is not None
    assert expected.content_id == content.id
    assert (expected.expectation.source, expected.expectation.identity) == (VerifiedBy.BASELINE, content.identity)
    assert (expected.expectation.size_bytes, expected.expectation.sha256) == (content.identity.size_bytes, content.sha256)
    paths.expect_nothing(connection, path_id)
    assert paths.expected(connection, path_id) is None


def test_state_and_forgetting(connection: Connection) -> None:
    content = add_whole(connection, identity())
    path_id = add_path(connection, b"a", content)
    paths.expect_content(connection, path_id, content, at=NOW)
    paths.replace_findings(connection, path_id, [missing()], NOW)
    state = paths.state(connection, FOLDER + b"/a")
    assert state is not None
    assert (state.content, len(state.findings)) == (content, 1)
    assert state.expected is not None
    assert paths.exists(connection, path_id)
    paths.forget(connection, path_id)
    assert paths.state(connection, FOLDER + b"/a") is None
    assert not paths.exists(connection, path_id)
    for table in ("finding", "membership", "expectation"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_what_is_needed_is_known_until_it_is_needed_no_more(connection: Connection) -> None:
    path = FOLDER + b"/w"
    add_path(connection, b"w")
    assert paths.essentials(connection, [path, b"/elsewhere"]) == {}
    paths.need(connection, [path])
    assert paths.essentials(connection, [path, b"/elsewhere"]) == {path: (MODEL.id,)}
    record = paths.get(connection, path)
    assert record is not None and record.is_essential
    assert paths.in_folder(connection, ROOT, FOLDER)[path].is_essential
    paths.need(connection, [path], is_essential=False)
    assert paths.essentials(connection, [path]) == {}


def test_absence_that_was_accepted_is_remembered(connection: Connection) -> None:
    for _ in range(2):
        paths.dispense(connection, FOLDER)
    assert paths.not_dispensed(connection, [FOLDER, b"/other"]) == {b"/other"}
