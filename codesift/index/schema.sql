CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- `skipped` names why a listed file has no units; such rows spare the next run from reading it again.
-- `gave_up`: parsing took too long, so the file was cut into windows of lines.
-- `checksum` covers the file's row, its units and their words; see checksums.py.
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    digest BLOB NOT NULL,
    skipped TEXT,
    gave_up INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);

-- AUTOINCREMENT: an id is never used twice.
CREATE TABLE units (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    qualified_name TEXT NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL
);
CREATE INDEX units_by_file ON units (file_id);
CREATE INDEX units_by_name ON units (name COLLATE NOCASE);

-- The drafts of a file: int8 rows, one for each of its units in the order of their ids, which are consecutive.
-- The name of the space is the id of the draft encoder.
CREATE TABLE drafts (
    space_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    first_unit INTEGER NOT NULL,
    data BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space_id, file_id)
);

CREATE TABLE spaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- A vector's id is its label in the hnsw graph.
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    data BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (space_id, digest)
);

-- A row here means the window's vector exists; a unit without rows is waiting to be embedded.
CREATE TABLE windows (
    space_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    vector_id INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (unit_id, space_id, ordinal)
) WITHOUT ROWID;
CREATE INDEX windows_by_vector ON windows (vector_id);

CREATE VIRTUAL TABLE words USING fts5 (
    name, path, documentation, body, tokenize = 'porter unicode61 remove_diacritics 2'
);
