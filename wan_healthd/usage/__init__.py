"""How programs say how they are used: help pages, manual pages and completions, all from one definition, their parsers.

`sections` gives a parser what argparse has no word for (files, environment, examples), `outline` reads back what a parser
says, `completion` makes scripts for shells of it. Never here: what a program does, or what only one of the two says. The
programs (daemon, cli) and packaging/man_pages.py import this room; it imports nothing of ours.
"""
