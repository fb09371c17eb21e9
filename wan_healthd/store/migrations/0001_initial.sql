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
    -- What its tensors say that it is; null where they do not say, or were not heard.
    kind TEXT,
    packed_header BLOB,
    retired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX content_kind ON content (kind) WHERE kind IS NOT NULL;
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
CREATE INDEX path_unjudged ON path (id) WHERE judged_at IS NULL AND role = 'weights';

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

CREATE INDEX model_path ON model (path);

-- How often the roster of models changed: what was derived from it is as good as the number that it was derived at.
CREATE TABLE roster (version INTEGER NOT NULL) STRICT;
INSERT INTO roster VALUES (0);
CREATE TRIGGER roster_gains AFTER INSERT ON model BEGIN UPDATE roster SET version = version + 1; END;
CREATE TRIGGER roster_loses AFTER DELETE ON model BEGIN UPDATE roster SET version = version + 1; END;
CREATE TRIGGER roster_changes AFTER UPDATE OF layout, path, root, stated, watched ON model
WHEN (OLD.layout, OLD.path, OLD.root, OLD.stated, OLD.watched) IS NOT (NEW.layout, NEW.path, NEW.root, NEW.stated, NEW.watched)
BEGIN UPDATE roster SET version = version + 1; END;

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

-- Findings on a model as a whole; place is the path that the finding names, empty if it names none.
CREATE TABLE model_finding (
    model_id TEXT NOT NULL REFERENCES model (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    place TEXT NOT NULL,
    body BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (model_id, code, place)
) STRICT, WITHOUT ROWID;

-- The roots that are watched now, and whether a walk ever saw all of each.
CREATE TABLE watched_root (root BLOB PRIMARY KEY, is_walked INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

-- Folders in which the last sweep found nothing to do: until seen differs, there is nothing to do. seen is the digest of all that
-- this rests on outside the store, ground that of what a walk brings along from here, ignored the JSON of the sub-folders that it
-- does not enter (base64). What this rests on inside the store is seen to below: whatever changes it drops the row.
CREATE TABLE folder (
    root BLOB NOT NULL,
    path BLOB NOT NULL,
    seen BLOB NOT NULL,
    ground BLOB NOT NULL,
    unclaimed INTEGER NOT NULL,
    ignored BLOB,
    PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER folder_gains_path AFTER INSERT ON path
BEGIN DELETE FROM folder WHERE root = NEW.root AND path = NEW.folder; END;
CREATE TRIGGER folder_loses_path AFTER DELETE ON path
BEGIN DELETE FROM folder WHERE root = OLD.root AND path = OLD.folder; END;
CREATE TRIGGER folder_path_changes AFTER UPDATE OF root, role, content_id, judged_at, essential ON path
WHEN (OLD.root, OLD.role, OLD.content_id, OLD.judged_at IS NULL, OLD.essential)
    IS NOT (NEW.root, NEW.role, NEW.content_id, NEW.judged_at IS NULL, NEW.essential)
BEGIN DELETE FROM folder WHERE root IN (OLD.root, NEW.root) AND path = NEW.folder; END;
CREATE TRIGGER folder_gains_member AFTER INSERT ON membership
BEGIN DELETE FROM folder WHERE (root, path) IN (SELECT root, folder FROM path WHERE id = NEW.path_id); END;
CREATE TRIGGER folder_loses_member AFTER DELETE ON membership
BEGIN DELETE FROM folder WHERE (root, path) IN (SELECT root, folder FROM path WHERE id = OLD.path_id); END;
CREATE TRIGGER folder_unwatched AFTER DELETE ON watched_root BEGIN DELETE FROM folder WHERE root = OLD.root; END;

-- Files that say what others should be (lists of digests, notes of downloads, manifests). seen is what a sweep saw of one when all
-- of whom it speaks below the root had heard it; empty if it may have changed since without a trace. model is the path of the model
-- whose manifest the configuration says it is; empty: it is a source by its own name.
CREATE TABLE source (
    root BLOB NOT NULL,
    path BLOB NOT NULL,
    model BLOB NOT NULL,
    folder BLOB NOT NULL,
    seen BLOB NOT NULL,
    PRIMARY KEY (root, path, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_folder ON source (root, folder);
CREATE TRIGGER source_unwatched AFTER DELETE ON watched_root BEGIN DELETE FROM source WHERE root = OLD.root; END;

-- Folders in which companions of ComfyUI's models would be (vae, text_encoders, clip), as the last walk found them; is_whole
-- unless something in them was out of sight or still arriving. tree is the folder above them.
CREATE TABLE companion_folder (
    path BLOB PRIMARY KEY,
    tree BLOB NOT NULL,
    root BLOB NOT NULL,
    is_whole INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never used twice, not even after the newest rows were deleted.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX event_at ON event (at);

-- What became of old events: how many there were of each day (since 1970), kind and model (empty: none).
CREATE TABLE event_rollup (
    day INTEGER NOT NULL,
    kind TEXT NOT NULL,
    model_id TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (day, kind, model_id)
) STRICT, WITHOUT ROWID;

-- What people are told of, the ended for a while too. due_at: when the next telling, reminder or ending is due; null: not again
-- as things are. waits: 'held' until the present storm of alerts is summed up, 'folded' while something that explains it is open.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    is_finding INTEGER NOT NULL,
    model_id TEXT,
    path TEXT,
    message TEXT NOT NULL,
    closing TEXT NOT NULL,
    finding BLOB,
    opened_at INTEGER NOT NULL,
    due_at INTEGER,
    waits TEXT,
    told_at INTEGER,
    times_told INTEGER NOT NULL DEFAULT 0,
    acked_at INTEGER,
    acked_by INTEGER,
    cleared_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (key) WHERE cleared_at IS NULL;
CREATE INDEX alert_model ON alert (model_id) WHERE cleared_at IS NULL;
CREATE INDEX alert_kind ON alert (kind, model_id) WHERE cleared_at IS NULL;
CREATE INDEX alert_due ON alert (due_at) WHERE due_at IS NOT NULL AND waits IS NULL;
CREATE INDEX alert_untold ON alert (opened_at) WHERE told_at IS NULL AND waits IS NULL;
CREATE INDEX alert_waiting ON alert (waits) WHERE waits IS NOT NULL;
CREATE INDEX alert_cleared ON alert (cleared_at) WHERE cleared_at IS NOT NULL;

-- Scheduled work: when it was first scheduled, when it ran last (as it began), and since when it is under way.
CREATE TABLE timer (name TEXT PRIMARY KEY, known_since INTEGER NOT NULL, last_run INTEGER, begun_at INTEGER) STRICT;

-- Roots that could not be looked at, since when and why.
CREATE TABLE lost_root (root BLOB PRIMARY KEY, since INTEGER NOT NULL, errno_name TEXT NOT NULL) STRICT;

-- Unfinished downloads and copies, under way or given up, as the last sweep saw them; size_bytes is what they take on the disk.
-- model_id is whose they are as far as that can be told; there need be no such model (yet). written_at is in seconds.
CREATE TABLE partial (
    path BLOB PRIMARY KEY,
    folder BLOB NOT NULL,
    root BLOB NOT NULL,
    model_id TEXT,
    size_bytes INTEGER NOT NULL,
    written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX partial_folder ON partial (root, folder);
CREATE INDEX partial_model ON partial (model_id);

-- What the hub lists for the source that a model states, at the commit that it was resolved to, once: a branch that moves later
-- changes nothing. source is as it is configured; body is the list, in the form of the hub client's own trees. heard: all files of
-- the model were judged by it.
CREATE TABLE hub_tree (
    model_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    repo TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    body BLOB NOT NULL,
    fetched_at INTEGER NOT NULL,
    heard INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Models whose source could not be looked up: why, and what to do.
CREATE TABLE hub_silence (model_id TEXT PRIMARY KEY, what TEXT NOT NULL, cure TEXT NOT NULL) STRICT;

-- Generations that clients announced, those that ended included. One that neither ended nor expired is open.
-- AUTOINCREMENT: whoever ends one by an old number must not end another.
CREATE TABLE generation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id TEXT,
    uid INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    note TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    expected_at INTEGER,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX generation_unended ON generation (expires_at) WHERE ended_at IS NULL;

CREATE TABLE performance_sample (
    id INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX performance_sample_model ON performance_sample (model_id, at);
