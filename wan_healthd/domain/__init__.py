"""Ground floor: what the product talks about, as frozen values.

Here live files, digests, extents, evidence, findings, verdicts, events, alerts, performance samples, errors and the ports
through which upper floors reach the outside. Never here: I/O, clocks, threads, sockets. Anybody may import it.
"""
