-- Requests to connect that an account has treated: the network delivers each one
-- again for ten minutes.

CREATE TABLE request (
  number  INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order in which they came
  account BLOB    NOT NULL,                  -- that was asked
  device  BLOB    NOT NULL,                  -- that asked, its long id
  id      INTEGER NOT NULL,
  UNIQUE (account, device, id)
) STRICT;
