-- The ledger, version 1. Instants are microseconds since 1970-01-01 UTC. An identifier that is a UUID
-- in its usual spelling is kept as its 16 bytes, any other as text. Statuses that this version knows are
-- numbers, others are text. The views show all of it as text, in the API's names: use them.

CREATE TABLE ledger (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    api_url     TEXT    NOT NULL,
    customer_id ANY,
    created_at  INTEGER NOT NULL,
    epoch       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE profile (
    key           INTEGER PRIMARY KEY,
    id            ANY     NOT NULL UNIQUE,
    name          TEXT,
    first_poll_at INTEGER,
    covered_from  INTEGER,
    watermark     INTEGER,
    verified_at   INTEGER
) STRICT;

-- One round over a profile may be two polls: the rest of a listing that was cut short, then the new one.
-- Both have the number of the first in round.
CREATE TABLE poll (
    number     INTEGER PRIMARY KEY,
    round      INTEGER NOT NULL,
    profile    INTEGER NOT NULL REFERENCES profile (key),
    lane       TEXT    NOT NULL,
    began_at   INTEGER NOT NULL,
    ended_at   INTEGER,
    result     TEXT    NOT NULL DEFAULT 'running',
    reason     TEXT,
    -- The window; its beginning is told of sweeps only.
    begins_at  INTEGER,
    ceiling    INTEGER,
    pages      INTEGER NOT NULL DEFAULT 0,
    rows       INTEGER NOT NULL DEFAULT 0,
    appeared   INTEGER NOT NULL DEFAULT 0,
    changed    INTEGER NOT NULL DEFAULT 0,
    unreadable INTEGER NOT NULL DEFAULT 0,
    stale      INTEGER NOT NULL DEFAULT 0,
    without_id INTEGER NOT NULL DEFAULT 0,
    refreshed  INTEGER NOT NULL DEFAULT 0,
    looked_up  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX poll_by_profile ON poll (profile);
-- What a killed process left running is found at once, however many polls there were.
CREATE INDEX poll_running ON poll (number) WHERE result = 'running';
CREATE INDEX poll_of_sweep ON poll (profile) WHERE lane = 'sweep';

-- A discovery under way: its window, cut into slices. A slice covers [begins_at, ends_at), the last one
-- its end too; everything before its position is committed. What was created after doubt_from may be
-- missing, because a page came from a stale replica or held a row without an id.
CREATE TABLE listing (
    profile    INTEGER PRIMARY KEY REFERENCES profile (key),
    lane       TEXT    NOT NULL,
    began_at   INTEGER NOT NULL,
    begins_at  INTEGER NOT NULL,
    ceiling    INTEGER NOT NULL,
    stale      INTEGER NOT NULL DEFAULT 0,
    without_id INTEGER NOT NULL DEFAULT 0,
    doubt_from INTEGER
) STRICT;

CREATE TABLE slice (
    key       INTEGER PRIMARY KEY AUTOINCREMENT,
    profile   INTEGER NOT NULL REFERENCES listing (profile) ON DELETE CASCADE,
    begins_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    done      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX slice_by_profile ON slice (profile);

CREATE TABLE orchestration (
    key                         INTEGER PRIMARY KEY,
    id                          ANY     NOT NULL,
    listed_by                   INTEGER NOT NULL REFERENCES profile (key),
    profile_id                  ANY,
    identity_id                 ANY,
    account_id                  ANY,
    customer_id                 ANY,
    ref_id                      ANY,
    source_asset                TEXT,
    destination_asset           TEXT,
    source_amount               TEXT,
    destination_amount          TEXT,
    source_transfer_id          ANY,
    source_transfer_status      ANY,
    destination_transfer_id     ANY,
    destination_transfer_status ANY,
    status                      ANY     NOT NULL,
    fail_reason                 TEXT,
    source_rail                 INTEGER,
    source_account              ANY,
    source_address              TEXT,
    source_network              TEXT,
    source_memo                 TEXT,
    destination_rail            INTEGER,
    destination_account         ANY,
    destination_address         TEXT,
    destination_network         TEXT,
    destination_memo            TEXT,
    orchestration_rule_id       ANY,
    created_at                  INTEGER NOT NULL,
    updated_at                  INTEGER,
    completed_at                INTEGER,
    status_since                INTEGER NOT NULL,
    metadata                    TEXT,
    remainder                   TEXT,
    -- XXH3 of the JSON text of the row as it was taken last.
    fingerprint                 INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX orchestration_by_creation ON orchestration (created_at, id);
-- For NOT IN with three values SQLite would build a table at every insert.
CREATE INDEX orchestration_open ON orchestration (listed_by, created_at)
    WHERE status <> 3 AND status <> 4 AND status <> 5;
-- orchestration_by_id (unique) and orchestration_by_ref_id are built when the first backfill ends.

-- Sweeps under way: everything before the position is compared.
CREATE TABLE sweep (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    profile       INTEGER NOT NULL REFERENCES profile (key),
    window        TEXT    NOT NULL,
    began_at      INTEGER NOT NULL,
    begins_at     INTEGER NOT NULL,
    ceiling       INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    stale         INTEGER NOT NULL DEFAULT 0,
    without_id    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (profile, window)
) STRICT;

-- Orchestrations that a sweep should have met before its position, and did not.
CREATE TABLE unmet (
    sweep         INTEGER NOT NULL REFERENCES sweep (key) ON DELETE CASCADE,
    orchestration INTEGER NOT NULL REFERENCES orchestration (key),
    PRIMARY KEY (sweep, orchestration)
) STRICT, WITHOUT ROWID;

-- Profiles that list an orchestration besides the one in listed_by.
CREATE TABLE also_listed (
    profile       INTEGER NOT NULL REFERENCES profile (key),
    orchestration INTEGER NOT NULL REFERENCES orchestration (key),
    PRIMARY KEY (profile, orchestration)
) STRICT, WITHOUT ROWID;

-- Rows as they came, which could not be read.
CREATE TABLE unreadable (
    id            ANY     NOT NULL PRIMARY KEY,
    listed_by     INTEGER NOT NULL REFERENCES profile (key),
    raw           TEXT    NOT NULL,
    problem       TEXT    NOT NULL,
    first_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Orchestrations that Paxos no longer knows, since when, and the poll that found it out.
CREATE TABLE missing (
    orchestration INTEGER PRIMARY KEY REFERENCES orchestration (key),
    since         INTEGER NOT NULL,
    poll          INTEGER NOT NULL
) STRICT;

-- Answers older than the ledger's, and in how many rounds running Get Orchestration gave the same one.
CREATE TABLE stale_sighting (
    orchestration INTEGER NOT NULL REFERENCES orchestration (key),
    profile       INTEGER NOT NULL REFERENCES profile (key),
    digest        BLOB    NOT NULL,
    sightings     INTEGER NOT NULL,
    last_poll     INTEGER NOT NULL,
    -- Sweeps running are counted apart from polls running.
    sweeping      INTEGER NOT NULL,
    PRIMARY KEY (orchestration, profile, sweeping)
) STRICT, WITHOUT ROWID;

-- One batch for each transaction that changed something; head is the hash chain up to it.
CREATE TABLE journal_batch (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    poll     INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    head     BLOB    NOT NULL
) STRICT;

-- kind: 1 appeared (its seq is the key of the row), 2 changed, 3 went back in time, 4 unreadable, 5 readable again,
-- 6 merged, 7 restored, 8 pruned, 9 carried, 10 went missing, 11 reappeared.
CREATE TABLE journal_entry (
    seq           INTEGER PRIMARY KEY,
    batch         INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    orchestration INTEGER,
    body          ANY     NOT NULL
) STRICT;

-- A row is named by the seq of its appearance, so that entry is found without an index.
CREATE INDEX journal_entry_by_orchestration ON journal_entry (orchestration) WHERE kind <> 1;
-- Merges are so few that the history of a row can look through all of them.
CREATE INDEX journal_entry_merged ON journal_entry (seq) WHERE kind = 6;

CREATE TRIGGER journal_entry_is_append_only BEFORE UPDATE ON journal_entry
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_batch_is_append_only BEFORE UPDATE ON journal_batch
BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;

-- Where pruning left the journal's beginning: everything up to this batch is gone, and the chain goes on
-- from its head. What was created before the floor is not listed again.
CREATE TABLE checkpoint (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    batch     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    head      BLOB    NOT NULL,
    floor     INTEGER NOT NULL,
    pruned_at INTEGER NOT NULL
) STRICT;

-- Profiles of which everything must be listed again, and why.
CREATE TABLE owed_sweep (
    profile INTEGER PRIMARY KEY REFERENCES profile (key),
    reason  TEXT    NOT NULL,
    since   INTEGER NOT NULL
) STRICT;

-- What follows from what was observed, to be passed on.
CREATE TABLE outbox (
    number  INTEGER PRIMARY KEY,
    key     TEXT    NOT NULL UNIQUE,
    payload TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

-- The local clock less Paxos's, as last seen; seen_at is Paxos's.
CREATE TABLE clock_skew (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    micros  INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- Pauses that Paxos asked for (429).
CREATE TABLE stop (
    host   TEXT    PRIMARY KEY,
    until  INTEGER NOT NULL,
    reason TEXT    NOT NULL
) STRICT;

-- When a schedule was last done, by its name: runs that were due until then are not missed.
CREATE TABLE schedule_run (
    name     TEXT    PRIMARY KEY,
    last_due INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What commands asked the daemon to do. state: open, taken, done or failed; the last two have ended.
CREATE TABLE request (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL,
    arguments TEXT    NOT NULL,
    asked_at  INTEGER NOT NULL,
    state     TEXT    NOT NULL DEFAULT 'open',
    outcome   TEXT,
    ended_at  INTEGER
) STRICT;

CREATE INDEX request_open ON request (number) WHERE ended_at IS NULL;
