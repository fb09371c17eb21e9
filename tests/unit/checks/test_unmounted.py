"""When an empty or absent folder was a mount point, and when its files are simply gone."""

from __future__ import annotations

import pytest

from wan_healthd.checks.unmounted import has_left, is_unmounted, may_have_left

MODELS, ROOT, NEW = "uuid:models", "uuid:root", "uuid:new"


@pytest.mark.parametrize(
    ("known", "here", "above", "is_empty", "unmounted"),
    [
        ({MODELS}, ROOT, ROOT, True, True),
        ({MODELS, NEW}, ROOT, ROOT, True, True),
        ({MODELS}, ROOT, ROOT, False, False),
        ({MODELS}, MODELS, ROOT, True, False),
        ({MODELS}, NEW, ROOT, True, False),
        ({MODELS}, MODELS, MODELS, True, False),
        ({MODELS, ROOT}, ROOT, ROOT, True, False),
        (set(), ROOT, ROOT, True, False),
        ({MODELS}, None, ROOT, True, False),
        ({MODELS}, None, None, True, False),
    ],
)
def test_it(known: set[str], here: str | None, above: str | None, is_empty: bool, unmounted: bool) -> None:
    assert is_unmounted(known, here, above, is_empty=is_empty) is unmounted


VOLUME, ONE_PART, OTHER_PART = "uuid:disk", "uuid:disk:1f", "uuid:disk:2f"


@pytest.mark.parametrize(
    ("known", "above", "mounted", "left"),
    [
        ({MODELS}, ROOT, {ROOT}, True),
        ({MODELS}, ROOT, {ROOT, NEW}, True),
        ({MODELS}, ROOT, {ROOT, MODELS}, False),
        ({MODELS}, MODELS, {ROOT}, False),
        ({MODELS, ROOT}, ROOT, {ROOT}, False),
        ({MODELS, NEW}, ROOT, {ROOT, NEW}, False),
        ({ONE_PART}, OTHER_PART, {OTHER_PART}, False),
        ({ONE_PART}, ROOT, {ROOT, VOLUME}, False),
        ({ONE_PART}, ROOT, {ROOT}, True),
        ({"nfs:server:/one"}, ROOT, {ROOT, "nfs:server:/two"}, True),
        (set(), ROOT, {ROOT}, False),
        ({MODELS}, None, set(), False),
    ],
)
def test_a_folder_that_is_gone_with_what_was_mounted_there(
    known: set[str], above: str | None, mounted: set[str], left: bool
) -> None:
    assert has_left(known, above, mounted) is left
    assert may_have_left(known, above) or not left
