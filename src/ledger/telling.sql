-- Version 3: whom the first listing has found final, and what stood FAILED or REJECTED before there were breaks.

-- The poll with which the profile was completely listed for the first time.
ALTER TABLE profile ADD COLUMN first_listing INTEGER;

UPDATE profile SET first_listing = coalesce(
    (SELECT max(b.number) FROM poll AS b WHERE b.profile = profile.key AND b.lane = 'backfill' AND b.number < coalesce(
        (SELECT min(d.number) FROM poll AS d WHERE d.profile = profile.key AND d.lane = 'discover' AND d.ceiling IS NOT NULL),
        9223372036854775807)), 0)
WHERE watermark IS NOT NULL;

-- Orchestrations that the next poll of their profile judges as if it saw them for the first time.
CREATE TABLE unjudged (
    orchestration INTEGER PRIMARY KEY REFERENCES orchestration (key)
) STRICT;

INSERT INTO unjudged
SELECT o.key FROM orchestration AS o WHERE o.status IN (4, 5) AND NOT EXISTS
    (SELECT 1 FROM break AS k WHERE k.subject = o.id AND k.kind = CASE o.status WHEN 4 THEN 'failed' ELSE 'rejected' END);

-- What Paxos said of the transfers of legs that hold an orchestration up or failed, as last asked about for a break.
CREATE TABLE transfer_seen (
    break            INTEGER NOT NULL REFERENCES break (number),
    -- 1 the source leg, 2 the destination leg.
    side             INTEGER NOT NULL,
    transfer         ANY     NOT NULL,
    -- The severity for which it was asked; 0 where no answer came, so that it is asked again.
    severity         INTEGER NOT NULL,
    secondary_status TEXT,
    network          TEXT,
    transaction_hash TEXT,
    request_id       TEXT,
    PRIMARY KEY (break, side)
) STRICT, WITHOUT ROWID;
