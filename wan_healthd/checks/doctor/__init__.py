"""Facts about the daemon and its surroundings in, diagnoses with their cures out; one idea a file. Pure, as all checks are.

Whoever adds one names it in `services.doctor`.
"""
