"""Services act: they watch, settle, sweep, inspect, publish and alert. What they decide is decided by pure rooms.

Each gets its ports, its store and its slice of the settings by constructor; none reads configuration or the clock of the
machine. Scheduled work only enqueues, and only `inspect` writes verdicts. Imported by assembly and monitor.
"""
