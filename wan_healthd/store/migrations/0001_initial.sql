-- Times are microseconds since 1970-01-01 UTC. Paths are bytes. Inodes above 2^63 are stored as their two's complement.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Bytes as a file system vouches for them. sha256 is null until the file was read whole; then the block map is complete.
-- Time stamps are decimal text: ext4 and XFS know years whose nanoseconds no 64-bit number holds. A retired content is kept
-- for those who expect it, but is not found by its identity any more.
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    filesystem TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns TEXT NOT NULL,
    ctime_ns TEXT NOT NULL,
    sha256 TEXT,
    git_sha1 TEXT,
    all_zero INTEGER NOT NULL DEFAULT 0,
    -- JSON of the sections whose CRC-32 does not fit; null where none could be checked.
    bad_sections BLOB,
    format TEXT,
    packed_header BLOB,
    retired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX content_identity ON content (filesystem, inode, size_bytes, mtime_ns, ctime_ns) WHERE NOT retired;

-- The block map, in runs as they were read: 32 bytes a block.
CREATE TABLE block_run (
    content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    first_block INTEGER NOT NULL,
    digests BLOB NOT NULL,
    PRIMARY KEY (content_id, first_block)
) STRICT, WITHOUT ROWID;

-- When blocks [first_block, end_block) were last verified, and how; extents of one content never overlap.
CREATE TABLE extent (
    content_id INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    first_block INTEGER NOT NULL,
    end_block INTEGER NOT NULL,
    verified_at INTEGER NOT NULL,
    assurance TEXT NOT NULL,
    PRIMARY KEY (content_id, first_block)
) STRICT, WITHOUT ROWID;

-- A scrub under way: blocks verified since started_at need not be read again after a restart.
CREATE TABLE scrub (
    content_id INTEGER PRIMARY KEY REFERENCES content (id) ON DELETE CASCADE,
    started_at INTEGER NOT NULL
) STRICT;

-- A place where a file is or was. content_id is what was last judged there; judged_at is null until then. reading_id is what
-- is being read there, or was when the daemon ended: nobody else may drop it meanwhile.
-- mode, uid and gid are those under which the file could last be read. An essential path is missed even if it was never there.
CREATE TABLE path (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    folder BLOB NOT NULL,
    root BLOB NOT NULL,
    role TEXT NOT NULL,
    content_id INTEGER REFERENCES content (id) ON DELETE SET NULL,
    reading_id INTEGER REFERENCES content (id) ON DELETE SET NULL,
    judged_at INTEGER,
    mode INTEGER,
    uid INTEGER,
    gid INTEGER,
    essential INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX path_folder ON path (root, folder);
CREATE INDEX path_content ON path (content_id);
CREATE INDEX path_reading ON path (reading_id);

-- Paths whose absence somebody accepted: if their models need them, they are not missed unless they came back and went again.
CREATE TABLE dispensed (path BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;

-- What should be at a path, and by what authority. A baseline keeps its content, and with it its block map.
CREATE TABLE expectation (
    path_id INTEGER PRIMARY KEY REFERENCES path (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT,
    content_id INTEGER REFERENCES content (id),
    recorded_at INTEGER NOT NULL,
    recorded_by INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX expectation_content ON expectation (content_id);

CREATE TABLE model (
    id TEXT PRIMARY KEY,
    layout TEXT NOT NULL,
    path BLOB NOT NULL,
    root BLOB NOT NULL,
    stated INTEGER NOT NULL,
    watched INTEGER NOT NULL DEFAULT 1,
    appeared_at INTEGER NOT NULL,
    -- The verdict, made anew from the files' findings whenever one of them is judged; body is the JSON of the result.
    checked_at INTEGER,
    status TEXT,
    status_since INTEGER,
    size_bytes INTEGER,
    oldest_read_at INTEGER,
    body BLOB
) STRICT;

CREATE TABLE membership (
    model_id TEXT NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    path_id INTEGER NOT NULL REFERENCES path (id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, path_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_path ON membership (path_id);

-- Open findings of a path; body is the JSON of the finding.
CREATE TABLE finding (
    path_id INTEGER NOT NULL REFERENCES path (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    body BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (path_id, code)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never used twice, not even after the newest rows were deleted.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX event_at ON event (at);

-- Scheduled work: when it was first scheduled, and when it ran last.
CREATE TABLE timer (name TEXT PRIMARY KEY, known_since INTEGER NOT NULL, last_run INTEGER) STRICT;

-- Roots that could not be looked at, since when and why.
CREATE TABLE lost_root (root BLOB PRIMARY KEY, since INTEGER NOT NULL, errno_name TEXT NOT NULL) STRICT;

CREATE TABLE performance_sample (
    id INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX performance_sample_model ON performance_sample (model_id, at);
