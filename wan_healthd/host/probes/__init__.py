"""Probes: facts about our own process and its surroundings, for `healthctl doctor`. They look, try, and judge nothing.

Whatever they try they undo, and no probe writes into a root. For the composition root alone.
"""
