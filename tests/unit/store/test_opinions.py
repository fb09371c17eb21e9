"""Findings on whole models: since when they are open."""

from __future__ import annotations

import os

from tests.unit.store.rows import MODEL, NOW, later
from wan_healthd.domain.catalogue import COMPANION_MISSING, MODEL_MISSING
from wan_healthd.domain.findings import Finding
from wan_healthd.store import models, opinions
from wan_healthd.store.connection import Connection


def lacks(name: str, what: str = "x") -> Finding:
    return COMPANION_MISSING.at(os.fsencode(name), what=what, folder="/")


VAE, TEXT, ABSENT = lacks("/m/vae/a"), lacks("/m/clip/a"), MODEL_MISSING.at(None, what="x")


def test_findings_open_and_clear_by_code_and_place(connection: Connection) -> None:
    models.put(connection, MODEL, NOW)
    turn = opinions.replace(connection, MODEL.id, [TEXT, VAE, ABSENT], NOW)
    assert [(f.code, f.path) for f in turn.opened] == [(f.code, f.path) for f in (TEXT, VAE, ABSENT)]
    assert {f.first_seen for f in turn.findings} == {NOW}
    turn = opinions.replace(connection, MODEL.id, [lacks("/m/vae/a", "said otherwise"), lacks("/m/vae/\udcff")], later(5))
    reworded = turn.findings[0]
    assert (reworded.message[-14:], reworded.first_seen) == ("said otherwise", NOW)
    assert [f.first_seen for f in turn.opened] == [later(5)]
    assert {f.path for f in turn.cleared} == {TEXT.path, None}
    assert opinions.open_findings(connection, MODEL.id) == turn.findings
