"""What must outlive the process: SQLite, and the only door to it.

Content (identity, block map, SHA-256) stands apart from paths (bytes), which stand apart from models; a file may belong to
several models, one content to several paths. Functions here take a connection and are called inside one transaction by
`store.database.Database`, which owns the one writer. No rules live here. Imported by services and assembly.
"""
