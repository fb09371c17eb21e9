"""Judgement: evidence in, findings out. One idea per file; the folder listing is the list of what is checked.

Checks are pure: they open nothing, read no clock and keep no state, so that a verdict can be made again at any time and
heals itself. Findings are declared in `domain.catalogue`; checks are listed in `checks.registry`. Imported by services.
"""
