-- Version 6: how many orchestrations and breaks there are, by what they are, kept as they change: counting them goes through an
-- index of every one.

CREATE TABLE orchestration_count (
    listed_by INTEGER NOT NULL REFERENCES profile (key),
    status    ANY     NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (listed_by, status)
) STRICT, WITHOUT ROWID;

INSERT INTO orchestration_count SELECT listed_by, status, count(*) FROM orchestration GROUP BY listed_by, status;

-- Whoever inserts counts: a backfill inserts many, and a trigger would run for each.
CREATE TRIGGER orchestration_count_changed AFTER UPDATE OF listed_by, status ON orchestration
WHEN new.listed_by <> old.listed_by OR new.status <> old.status
BEGIN
    UPDATE orchestration_count SET count = count - 1 WHERE listed_by = old.listed_by AND status = old.status;
    INSERT INTO orchestration_count VALUES (new.listed_by, new.status, 1)
        ON CONFLICT (listed_by, status) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER orchestration_count_deleted AFTER DELETE ON orchestration
BEGIN
    UPDATE orchestration_count SET count = count - 1 WHERE listed_by = old.listed_by AND status = old.status;
END;

CREATE TABLE break_count (
    -- 0 open, 1 acknowledged, 2 resolved.
    state    INTEGER NOT NULL,
    history  INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    -- 0 for none.
    profile  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (state, history, severity, kind, profile)
) STRICT, WITHOUT ROWID;

INSERT INTO break_count
    SELECT CASE WHEN resolved_at IS NOT NULL THEN 2 ELSE muted_at IS NOT NULL END AS state, history, severity, kind,
        coalesce(profile, 0) AS of_profile, count(*)
    FROM break GROUP BY state, history, severity, kind, of_profile;

CREATE TRIGGER break_count_inserted AFTER INSERT ON break
BEGIN
    INSERT INTO break_count VALUES (
        CASE WHEN new.resolved_at IS NOT NULL THEN 2 ELSE new.muted_at IS NOT NULL END,
        new.history, new.severity, new.kind, coalesce(new.profile, 0), 1)
        ON CONFLICT (state, history, severity, kind, profile) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER break_count_changed AFTER UPDATE OF resolved_at, muted_at, history, severity, kind, profile ON break
BEGIN
    UPDATE break_count SET count = count - 1
        WHERE state = CASE WHEN old.resolved_at IS NOT NULL THEN 2 ELSE old.muted_at IS NOT NULL END
        AND history = old.history AND severity = old.severity AND kind = old.kind AND profile = coalesce(old.profile, 0);
    INSERT INTO break_count VALUES (
        CASE WHEN new.resolved_at IS NOT NULL THEN 2 ELSE new.muted_at IS NOT NULL END,
        new.history, new.severity, new.kind, coalesce(new.profile, 0), 1)
        ON CONFLICT (state, history, severity, kind, profile) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER break_count_deleted AFTER DELETE ON break
BEGIN
    UPDATE break_count SET count = count - 1
        WHERE state = CASE WHEN old.resolved_at IS NOT NULL THEN 2 ELSE old.muted_at IS NOT NULL END
        AND history = old.history AND severity = old.severity AND kind = old.kind AND profile = coalesce(old.profile, 0);
END;
