-- Times are milliseconds since the Unix epoch, 0 = never or unknown. Ids of
-- accounts and devices are blobs of 20 bytes.

CREATE TABLE setting (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device (               -- other devices of the account
  id   BLOB PRIMARY KEY,            -- long id, 32 bytes
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (              -- removed ones stay as tombstones
  peer         BLOB PRIMARY KEY,
  added        INTEGER NOT NULL,
  removed      INTEGER NOT NULL,
  confirmed    INTEGER NOT NULL,
  banned       INTEGER NOT NULL,
  asked        INTEGER NOT NULL,
  conversation TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (              -- what each change of a contact replaced
  id           INTEGER PRIMARY KEY,
  at           INTEGER NOT NULL,
  peer         BLOB    NOT NULL,
  cause        TEXT    NOT NULL,
  device       BLOB    NOT NULL,    -- that synced the change, else zero
  added        INTEGER NOT NULL,
  removed      INTEGER NOT NULL,
  confirmed    INTEGER NOT NULL,
  banned       INTEGER NOT NULL,
  conversation TEXT    NOT NULL
) STRICT;

CREATE TABLE request (              -- trust requests that wait for the user
  sender       BLOB PRIMARY KEY,
  device       BLOB    NOT NULL,
  device_key   BLOB    NOT NULL,
  conversation TEXT    NOT NULL,
  payload      BLOB    NOT NULL,
  received     INTEGER NOT NULL,
  invited      INTEGER NOT NULL,
  digest       BLOB    NOT NULL,
  quiet        INTEGER NOT NULL,
  seen         INTEGER NOT NULL,
  approved     INTEGER NOT NULL
) STRICT;

CREATE TABLE decision (             -- which requests of an account are decided
  peer    BLOB PRIMARY KEY,
  invited INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  digests BLOB    NOT NULL          -- 32 bytes each, oldest first
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing (             -- messages on their way
  peer         BLOB    NOT NULL,
  kind         INTEGER NOT NULL,
  conversation TEXT    NOT NULL,
  payload      BLOB    NOT NULL,
  sent         INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  PRIMARY KEY (peer, kind)
) STRICT;

CREATE TABLE delivery (             -- one value for one device
  peer     BLOB    NOT NULL,
  kind     INTEGER NOT NULL,
  device   BLOB    NOT NULL,
  value_id INTEGER NOT NULL,
  stored   INTEGER NOT NULL,
  sealed   BLOB,                    -- the packed value, once it is encrypted
  PRIMARY KEY (peer, kind, device),
  FOREIGN KEY (peer, kind) REFERENCES outgoing ON DELETE CASCADE
) STRICT;

CREATE TABLE policy (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  mode    INTEGER NOT NULL,
  allowed BLOB    NOT NULL,         -- 20 bytes each
  codes   TEXT    NOT NULL          -- a JSON array
) STRICT;
