"""The hub's HTTP side: a repository's commit and the list of its files, asked for over the network.

Here lives the only code that speaks to the hub. Never here: what its answers mean for a file (that is `provenance`), keeping
them, or deciding when to ask (that is `services.lookup`). Every answer may come from an attacker: bodies, pages, entries and
time are bounded, and nothing leads to another host. Imported by the composition root alone, and only where a lookup is allowed;
services know it as `domain.ports.Hub`. Imports only `domain`; aiohttp and tenacity are loaded with the first question.
"""
