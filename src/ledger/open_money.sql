-- Version 5: what is open can be counted and summed by status, route and age without reading the rows themselves, which lie
-- far apart. Only open rows are in this index, so a backfill does not notice it.

DROP INDEX orchestration_open;
CREATE INDEX orchestration_open ON orchestration (listed_by, created_at, status, source_rail, source_network,
    destination_rail, destination_network, source_asset, destination_asset, source_amount)
    WHERE status <> 3 AND status <> 4 AND status <> 5;

-- Resolved breaks, the latest first, told and counted without reading the rows.
CREATE INDEX break_by_end ON break (resolved_at DESC, muted_at IS NOT NULL, severity DESC, history, since, number, kind, profile, opened_at)
    WHERE resolved_at IS NOT NULL;
