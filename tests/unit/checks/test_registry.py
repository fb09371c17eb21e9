"""A check that is not listed checks nothing; folding knows every finding it names."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from wan_healthd import checks
from wan_healthd.checks.folding import CONSEQUENCES, DETAILED_BY, fold
from wan_healthd.checks.registry import FILE_CHECKS, MODEL_CHECKS
from wan_healthd.domain.catalogue import BY_CODE, FILE_MISSING, READ_BITS_LOST


def test_every_check_is_listed_once() -> None:
    modules = [import_module(f"wan_healthd.checks.{found.name}") for found in pkgutil.iter_modules(checks.__path__)]
    written = {module.check for module in modules if hasattr(module, "check")}
    assert written == {*FILE_CHECKS, *MODEL_CHECKS}
    assert len(written) == len(FILE_CHECKS) + len(MODEL_CHECKS)


def test_folding_names_only_findings_of_the_catalogue() -> None:
    named = {*CONSEQUENCES, *DETAILED_BY, *DETAILED_BY.values()}.union(*CONSEQUENCES.values())
    assert named <= set(BY_CODE)


def test_no_two_findings_swallow_each_other() -> None:
    assert not [(one, other) for one, codes in CONSEQUENCES.items() for other in codes if one in CONSEQUENCES.get(other, ())]


def test_details_come_from_what_is_swallowed() -> None:
    assert all(details in CONSEQUENCES[cause] for cause, details in DETAILED_BY.items())


def test_damages_that_have_nothing_to_do_with_each_other_both_stay() -> None:
    both = (FILE_MISSING.at(b"/a", what="gone"), READ_BITS_LOST.at(b"/a", was="0644", now="0600"))
    assert fold(both) == both
