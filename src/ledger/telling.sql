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
