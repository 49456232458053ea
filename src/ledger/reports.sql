-- Version 4: reports that are sent, and those that could not be made.

-- A notice is about a break, or tells that a report was made: then its text is what sinks are told of it. SQLite cannot
-- take NOT NULL from a column, so both tables are made anew, the deliveries with their notices.
CREATE TABLE notice_4 (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    break    INTEGER REFERENCES break (number),
    report   TEXT,
    occasion TEXT    NOT NULL,
    severity INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    CHECK ((break IS NULL) <> (report IS NULL))
) STRICT;

INSERT INTO notice_4 (number, break, occasion, severity, at)
SELECT number, break, occasion, severity, at FROM notice;

-- Numbers that were given are not given again.
DELETE FROM sqlite_sequence WHERE name = 'notice_4';
INSERT INTO sqlite_sequence (name, seq) SELECT 'notice_4', seq FROM sqlite_sequence WHERE name = 'notice';

CREATE TABLE delivery_4 (
    sink     TEXT    NOT NULL,
    notice   INTEGER NOT NULL REFERENCES notice_4 (number),
    state    TEXT    NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL,
    batch    INTEGER,
    error    TEXT,
    ended_at INTEGER,
    PRIMARY KEY (sink, notice)
) STRICT, WITHOUT ROWID;

INSERT INTO delivery_4 (sink, notice, state, attempts, next_at, batch, error, ended_at)
SELECT sink, notice, state, attempts, next_at, batch, error, ended_at FROM delivery;

DROP TABLE delivery;
DROP TABLE notice;
ALTER TABLE notice_4 RENAME TO notice;
ALTER TABLE delivery_4 RENAME TO delivery;

CREATE INDEX notice_of_break ON notice (break) WHERE break IS NOT NULL;
CREATE INDEX notice_of_report ON notice (report ->> 'id') WHERE report IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (sink, next_at) WHERE state = 'waiting';
CREATE INDEX delivery_dead ON delivery (sink) WHERE state = 'dead';
CREATE INDEX delivery_of_notice ON delivery (notice);

-- When a report's last run was made, by the local clock.
ALTER TABLE schedule_run ADD COLUMN done_at INTEGER;

DROP VIEW breaks;

CREATE VIEW breaks AS
SELECT
    k.number AS number,
    k.kind AS kind,
    CASE k.severity WHEN 1 THEN 'warning' WHEN 2 THEN 'critical' END AS severity,
    CASE WHEN k.resolved_at IS NOT NULL THEN 'resolved' WHEN k.muted_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END AS state,
    CASE k.scope WHEN 1 THEN 'orchestration' WHEN 2 THEN 'profile' WHEN 3 THEN 'cause' WHEN 4 THEN 'report' END AS about,
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
