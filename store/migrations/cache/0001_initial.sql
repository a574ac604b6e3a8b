-- What can be found again or be missed: losing it harms nobody. Times are
-- milliseconds since the Unix epoch.

CREATE TABLE certificate (          -- verified chains of devices
  device  BLOB PRIMARY KEY,
  account BLOB    NOT NULL,
  chain   BLOB    NOT NULL,         -- PEM, the device's own first
  used    INTEGER NOT NULL
) STRICT;

CREATE INDEX certificate_used ON certificate (used);

CREATE TABLE revocation (           -- verified lists of revoked devices
  account BLOB PRIMARY KEY,
  issuer  BLOB NOT NULL,            -- DER certificate of the account
  list    BLOB NOT NULL             -- DER
) STRICT;

CREATE TABLE seen (                 -- the presence of one account as another saw it
  account BLOB    NOT NULL,
  peer    BLOB    NOT NULL,
  last    INTEGER NOT NULL,
  history BLOB    NOT NULL,         -- 9 bytes each: time, status
  dates   BLOB    NOT NULL,         -- 37 bytes each: device, newest, seen, gone
  PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;
