"""`wan-healthd demo`: a tour on sample models, with a real daemon, real commands and their real output.

All of it happens in one folder of its own, which is removed at the end. Imported by `daemon.main` alone.
"""
