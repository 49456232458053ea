-- Version 2: breaks, and what people are to be told of them.

DROP TABLE outbox;

-- Why a poll was not complete, as breaks count causes, and how many rows were gone at once, of how many.
ALTER TABLE poll ADD COLUMN cause TEXT;
ALTER TABLE poll ADD COLUMN gone INTEGER;
ALTER TABLE poll ADD COLUMN gone_of INTEGER;

-- Those whose legs do not follow: they are looked at again for a while.
CREATE INDEX orchestration_unsettled ON orchestration (listed_by, status_since)
    WHERE status = 3 AND (source_transfer_status <> 3 OR destination_transfer_status <> 3);

CREATE TABLE break (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT    NOT NULL,
    -- What the subject is: 1 an orchestration, or a row under its id; 2 a profile; 3 a cause.
    scope         INTEGER NOT NULL,
    subject       ANY     NOT NULL,
    orchestration INTEGER REFERENCES orchestration (key),
    profile       INTEGER REFERENCES profile (key),
    episode       INTEGER NOT NULL,
    former        INTEGER,
    -- 1 warning, 2 critical.
    severity      INTEGER NOT NULL,
    evidence      TEXT    NOT NULL,
    opened_at     INTEGER NOT NULL,
    -- Since when the trouble lasts, as far as the evidence tells; else when it opened.
    since         INTEGER NOT NULL,
    -- 1 where nobody is told, because it was over before the profile's first poll.
    history       INTEGER NOT NULL,
    -- The severity that people were told last; 0 for nothing yet.
    told          INTEGER NOT NULL DEFAULT 0,
    muted_at      INTEGER,
    muted_by      TEXT,
    muted_why     TEXT,
    muted_until   INTEGER,
    muted_as      INTEGER,
    resolved_at   INTEGER,
    -- The person who did; missing where it resolved by itself.
    resolved_by   TEXT,
    resolved_why  TEXT
) STRICT;

CREATE UNIQUE INDEX break_episode ON break (subject, kind, episode);
CREATE UNIQUE INDEX break_unresolved ON break (subject, kind) WHERE resolved_at IS NULL;
CREATE INDEX break_muted ON break (muted_until) WHERE muted_until IS NOT NULL AND resolved_at IS NULL;
-- What needs a person first comes first; the rest is there to be counted without reading the rows.
CREATE INDEX break_by_need ON break (muted_at IS NOT NULL, severity DESC, history, since, number, kind, profile, opened_at)
    WHERE resolved_at IS NULL;
CREATE INDEX break_not_of_orchestration ON break (scope) WHERE scope > 1 AND resolved_at IS NULL;
CREATE INDEX break_of_profile ON break (profile, kind) WHERE resolved_at IS NULL;

-- What people are to be told. A notice has a delivery for each sink that tells it.
CREATE TABLE notice (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    break    INTEGER NOT NULL REFERENCES break (number),
    occasion TEXT    NOT NULL,
    severity INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX notice_of_break ON notice (break);

-- state: waiting, sent or dead. Those of one batch are told as one, under one key.
CREATE TABLE delivery (
    sink     TEXT    NOT NULL,
    notice   INTEGER NOT NULL REFERENCES notice (number),
    state    TEXT    NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL,
    batch    INTEGER,
    error    TEXT,
    ended_at INTEGER,
    PRIMARY KEY (sink, notice)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_waiting ON delivery (sink, next_at) WHERE state = 'waiting';
CREATE INDEX delivery_dead ON delivery (sink) WHERE state = 'dead';
CREATE INDEX delivery_of_notice ON delivery (notice);

-- The story of one break.
CREATE INDEX journal_entry_of_break ON journal_entry (body ->> 'break') WHERE kind >= 12;

-- Up to when a sink has told what other sinks could not be told.
CREATE TABLE dead_letters_told (
    sink TEXT    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP VIEW journal;

CREATE VIEW journal AS
SELECT
    e.seq AS seq,
    e.batch AS batch,
    CASE WHEN b.at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (b.at - (b.at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (b.at % 1000000 + 1000000) % 1000000) END AS at,
    b.poll AS poll,
    CASE e.kind WHEN 1 THEN 'appeared' WHEN 2 THEN 'changed' WHEN 3 THEN 'went_back_in_time'
        WHEN 4 THEN 'unreadable' WHEN 5 THEN 'readable_again' WHEN 6 THEN 'merged'
        WHEN 7 THEN 'restored' WHEN 8 THEN 'pruned' WHEN 9 THEN 'carried'
        WHEN 10 THEN 'went_missing' WHEN 11 THEN 'reappeared' WHEN 12 THEN 'break_opened'
        WHEN 13 THEN 'break_revised' WHEN 14 THEN 'break_acknowledged' WHEN 15 THEN 'break_unacknowledged'
        WHEN 16 THEN 'break_resolved' WHEN 17 THEN 'break_carried' END AS kind,
    CASE WHEN o.key IS NOT NULL THEN CASE typeof(o.id) WHEN 'blob' THEN lower(substr(hex(o.id), 1, 8) || '-' || substr(hex(o.id), 9, 4) || '-'
        || substr(hex(o.id), 13, 4) || '-' || substr(hex(o.id), 17, 4) || '-' || substr(hex(o.id), 21)) ELSE o.id END
        WHEN typeof(e.body) = 'text' THEN e.body ->> 'id' END AS orchestration_id,
    CASE WHEN typeof(e.body) = 'blob' THEN lower(hex(substr(e.body, 1, 32))) END AS digest,
    CASE WHEN e.kind >= 12 THEN NULL WHEN typeof(e.body) = 'text' THEN e.body WHEN length(e.body) > 32 THEN CAST(substr(e.body, 33) AS TEXT) END AS old_values,
    CASE WHEN e.kind >= 12 THEN e.body END AS details
FROM journal_entry AS e
JOIN journal_batch AS b ON b.number = e.batch
LEFT JOIN orchestration AS o ON o.key = e.orchestration;

CREATE VIEW breaks AS
SELECT
    k.number AS number,
    k.kind AS kind,
    CASE k.severity WHEN 1 THEN 'warning' WHEN 2 THEN 'critical' END AS severity,
    CASE WHEN k.resolved_at IS NOT NULL THEN 'resolved' WHEN k.muted_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END AS state,
    CASE k.scope WHEN 1 THEN 'orchestration' WHEN 2 THEN 'profile' WHEN 3 THEN 'cause' END AS about,
    CASE typeof(k.subject) WHEN 'blob' THEN lower(substr(hex(k.subject), 1, 8) || '-' || substr(hex(k.subject), 9, 4) || '-'
        || substr(hex(k.subject), 13, 4) || '-' || substr(hex(k.subject), 17, 4) || '-' || substr(hex(k.subject), 21)) ELSE k.subject END AS subject,
    CASE typeof(p.id) WHEN 'blob' THEN lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4) || '-'
        || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-' || substr(hex(p.id), 21)) ELSE p.id END AS profile_id,
    k.episode AS episode,
    k.former AS former,
    k.history AS history,
    k.evidence AS evidence,
    CASE WHEN k.opened_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (k.opened_at - (k.opened_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (k.opened_at % 1000000 + 1000000) % 1000000) END AS opened_at,
    CASE WHEN k.since IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (k.since - (k.since % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (k.since % 1000000 + 1000000) % 1000000) END AS since,
    CASE WHEN k.muted_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (k.muted_at - (k.muted_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (k.muted_at % 1000000 + 1000000) % 1000000) END AS acknowledged_at,
    k.muted_by AS acknowledged_by,
    k.muted_why AS acknowledged_why,
    CASE WHEN k.muted_until IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (k.muted_until - (k.muted_until % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (k.muted_until % 1000000 + 1000000) % 1000000) END AS acknowledged_until,
    CASE WHEN k.resolved_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (k.resolved_at - (k.resolved_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (k.resolved_at % 1000000 + 1000000) % 1000000) END AS resolved_at,
    k.resolved_by AS resolved_by,
    k.resolved_why AS resolved_why
FROM break AS k LEFT JOIN profile AS p ON p.key = k.profile;
