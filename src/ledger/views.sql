
-- The public views: read-only, text in the API's names, times as RFC 3339 in UTC. See docs/ledger.md.
-- The arithmetic on times rounds down before 1970 too: some services send the year 1 for "none".

CREATE VIEW orchestrations AS
SELECT
    CASE typeof(o.id) WHEN 'blob' THEN lower(substr(hex(o.id), 1, 8) || '-' || substr(hex(o.id), 9, 4) || '-'
        || substr(hex(o.id), 13, 4) || '-' || substr(hex(o.id), 17, 4) || '-' || substr(hex(o.id), 21)) ELSE o.id END AS id,
    CASE typeof(o.profile_id) WHEN 'blob' THEN lower(substr(hex(o.profile_id), 1, 8) || '-' || substr(hex(o.profile_id), 9, 4) || '-'
        || substr(hex(o.profile_id), 13, 4) || '-' || substr(hex(o.profile_id), 17, 4) || '-' || substr(hex(o.profile_id), 21)) ELSE o.profile_id END AS profile_id,
    CASE typeof(o.identity_id) WHEN 'blob' THEN lower(substr(hex(o.identity_id), 1, 8) || '-' || substr(hex(o.identity_id), 9, 4) || '-'
        || substr(hex(o.identity_id), 13, 4) || '-' || substr(hex(o.identity_id), 17, 4) || '-' || substr(hex(o.identity_id), 21)) ELSE o.identity_id END AS identity_id,
    CASE typeof(o.account_id) WHEN 'blob' THEN lower(substr(hex(o.account_id), 1, 8) || '-' || substr(hex(o.account_id), 9, 4) || '-'
        || substr(hex(o.account_id), 13, 4) || '-' || substr(hex(o.account_id), 17, 4) || '-' || substr(hex(o.account_id), 21)) ELSE o.account_id END AS account_id,
    CASE typeof(o.customer_id) WHEN 'blob' THEN lower(substr(hex(o.customer_id), 1, 8) || '-' || substr(hex(o.customer_id), 9, 4) || '-'
        || substr(hex(o.customer_id), 13, 4) || '-' || substr(hex(o.customer_id), 17, 4) || '-' || substr(hex(o.customer_id), 21)) ELSE o.customer_id END AS customer_id,
    CASE typeof(o.ref_id) WHEN 'blob' THEN lower(substr(hex(o.ref_id), 1, 8) || '-' || substr(hex(o.ref_id), 9, 4) || '-'
        || substr(hex(o.ref_id), 13, 4) || '-' || substr(hex(o.ref_id), 17, 4) || '-' || substr(hex(o.ref_id), 21)) ELSE o.ref_id END AS ref_id,
    o.source_asset AS source_asset,
    o.destination_asset AS destination_asset,
    o.source_amount AS source_amount,
    o.destination_amount AS destination_amount,
    CASE typeof(o.source_transfer_id) WHEN 'blob' THEN lower(substr(hex(o.source_transfer_id), 1, 8) || '-' || substr(hex(o.source_transfer_id), 9, 4) || '-'
        || substr(hex(o.source_transfer_id), 13, 4) || '-' || substr(hex(o.source_transfer_id), 17, 4) || '-' || substr(hex(o.source_transfer_id), 21)) ELSE o.source_transfer_id END AS source_transfer_id,
    CASE o.source_transfer_status WHEN 1 THEN 'PENDING' WHEN 2 THEN 'PROCESSING' WHEN 3 THEN 'COMPLETED' WHEN 4 THEN 'FAILED' WHEN 5 THEN 'REJECTED' ELSE o.source_transfer_status END AS source_transfer_status,
    CASE typeof(o.destination_transfer_id) WHEN 'blob' THEN lower(substr(hex(o.destination_transfer_id), 1, 8) || '-' || substr(hex(o.destination_transfer_id), 9, 4) || '-'
        || substr(hex(o.destination_transfer_id), 13, 4) || '-' || substr(hex(o.destination_transfer_id), 17, 4) || '-' || substr(hex(o.destination_transfer_id), 21)) ELSE o.destination_transfer_id END AS destination_transfer_id,
    CASE o.destination_transfer_status WHEN 1 THEN 'PENDING' WHEN 2 THEN 'PROCESSING' WHEN 3 THEN 'COMPLETED' WHEN 4 THEN 'FAILED' WHEN 5 THEN 'REJECTED' ELSE o.destination_transfer_status END AS destination_transfer_status,
    CASE o.status WHEN 1 THEN 'PENDING' WHEN 2 THEN 'PROCESSING' WHEN 3 THEN 'COMPLETED' WHEN 4 THEN 'FAILED' WHEN 5 THEN 'REJECTED' ELSE o.status END AS status,
    o.fail_reason AS fail_reason,
    CASE o.source_rail WHEN 1 THEN 'profile' WHEN 2 THEN 'crypto' WHEN 3 THEN 'fiat' END AS source_rail,
    CASE WHEN o.source_rail = 1 THEN CASE typeof(o.source_account) WHEN 'blob' THEN lower(substr(hex(o.source_account), 1, 8) || '-' || substr(hex(o.source_account), 9, 4) || '-'
        || substr(hex(o.source_account), 13, 4) || '-' || substr(hex(o.source_account), 17, 4) || '-' || substr(hex(o.source_account), 21)) ELSE o.source_account END END AS source_profile_id,
    o.source_address AS source_crypto_address,
    o.source_network AS source_crypto_network,
    CASE WHEN o.source_rail = 2 THEN CASE typeof(o.source_account) WHEN 'blob' THEN lower(substr(hex(o.source_account), 1, 8) || '-' || substr(hex(o.source_account), 9, 4) || '-'
        || substr(hex(o.source_account), 13, 4) || '-' || substr(hex(o.source_account), 17, 4) || '-' || substr(hex(o.source_account), 21)) ELSE o.source_account END END AS source_crypto_address_id,
    CASE WHEN o.source_rail = 3 THEN CASE typeof(o.source_account) WHEN 'blob' THEN lower(substr(hex(o.source_account), 1, 8) || '-' || substr(hex(o.source_account), 9, 4) || '-'
        || substr(hex(o.source_account), 13, 4) || '-' || substr(hex(o.source_account), 17, 4) || '-' || substr(hex(o.source_account), 21)) ELSE o.source_account END END AS source_fiat_deposit_instructions_id,
    o.source_memo AS source_fiat_memo,
    CASE o.destination_rail WHEN 1 THEN 'profile' WHEN 2 THEN 'crypto' WHEN 3 THEN 'fiat' END AS destination_rail,
    CASE WHEN o.destination_rail = 1 THEN CASE typeof(o.destination_account) WHEN 'blob' THEN lower(substr(hex(o.destination_account), 1, 8) || '-' || substr(hex(o.destination_account), 9, 4) || '-'
        || substr(hex(o.destination_account), 13, 4) || '-' || substr(hex(o.destination_account), 17, 4) || '-' || substr(hex(o.destination_account), 21)) ELSE o.destination_account END END AS destination_profile_id,
    o.destination_address AS destination_crypto_address,
    o.destination_network AS destination_crypto_network,
    CASE WHEN o.destination_rail = 2 THEN CASE typeof(o.destination_account) WHEN 'blob' THEN lower(substr(hex(o.destination_account), 1, 8) || '-' || substr(hex(o.destination_account), 9, 4) || '-'
        || substr(hex(o.destination_account), 13, 4) || '-' || substr(hex(o.destination_account), 17, 4) || '-' || substr(hex(o.destination_account), 21)) ELSE o.destination_account END END AS destination_crypto_address_id,
    CASE WHEN o.destination_rail = 3 THEN CASE typeof(o.destination_account) WHEN 'blob' THEN lower(substr(hex(o.destination_account), 1, 8) || '-' || substr(hex(o.destination_account), 9, 4) || '-'
        || substr(hex(o.destination_account), 13, 4) || '-' || substr(hex(o.destination_account), 17, 4) || '-' || substr(hex(o.destination_account), 21)) ELSE o.destination_account END END AS destination_fiat_bank_account_id,
    o.destination_memo AS destination_fiat_memo,
    CASE typeof(o.orchestration_rule_id) WHEN 'blob' THEN lower(substr(hex(o.orchestration_rule_id), 1, 8) || '-' || substr(hex(o.orchestration_rule_id), 9, 4) || '-'
        || substr(hex(o.orchestration_rule_id), 13, 4) || '-' || substr(hex(o.orchestration_rule_id), 17, 4) || '-' || substr(hex(o.orchestration_rule_id), 21)) ELSE o.orchestration_rule_id END AS orchestration_rule_id,
    CASE WHEN o.created_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.created_at - (o.created_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.created_at % 1000000 + 1000000) % 1000000) END AS created_at,
    CASE WHEN o.updated_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.updated_at - (o.updated_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.updated_at % 1000000 + 1000000) % 1000000) END AS updated_at,
    CASE WHEN o.completed_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.completed_at - (o.completed_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.completed_at % 1000000 + 1000000) % 1000000) END AS completed_at,
    o.metadata AS metadata,
    o.remainder AS other_fields,
    CASE WHEN o.status_since IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.status_since - (o.status_since % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.status_since % 1000000 + 1000000) % 1000000) END AS status_since,
    CASE typeof(p.id) WHEN 'blob' THEN lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4) || '-'
        || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-' || substr(hex(p.id), 21)) ELSE p.id END AS listed_by,
    CASE WHEN m.since IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (m.since - (m.since % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (m.since % 1000000 + 1000000) % 1000000) END AS missing_since
FROM orchestration AS o JOIN profile AS p ON p.key = o.listed_by LEFT JOIN missing AS m ON m.orchestration = o.key;

CREATE VIEW journal AS
SELECT
    e.seq AS seq,
    e.batch AS batch,
    CASE WHEN b.at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (b.at - (b.at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (b.at % 1000000 + 1000000) % 1000000) END AS at,
    b.poll AS poll,
    CASE e.kind WHEN 1 THEN 'appeared' WHEN 2 THEN 'changed' WHEN 3 THEN 'went_back_in_time'
        WHEN 4 THEN 'unreadable' WHEN 5 THEN 'readable_again' WHEN 6 THEN 'merged'
        WHEN 7 THEN 'restored' WHEN 8 THEN 'pruned' WHEN 9 THEN 'carried'
        WHEN 10 THEN 'went_missing' WHEN 11 THEN 'reappeared' END AS kind,
    CASE WHEN o.key IS NOT NULL THEN CASE typeof(o.id) WHEN 'blob' THEN lower(substr(hex(o.id), 1, 8) || '-' || substr(hex(o.id), 9, 4) || '-'
        || substr(hex(o.id), 13, 4) || '-' || substr(hex(o.id), 17, 4) || '-' || substr(hex(o.id), 21)) ELSE o.id END
        WHEN typeof(e.body) = 'text' THEN e.body ->> 'id' END AS orchestration_id,
    CASE WHEN typeof(e.body) = 'blob' THEN lower(hex(substr(e.body, 1, 32))) END AS digest,
    CASE WHEN typeof(e.body) = 'text' THEN e.body WHEN length(e.body) > 32 THEN CAST(substr(e.body, 33) AS TEXT) END AS old_values
FROM journal_entry AS e
JOIN journal_batch AS b ON b.number = e.batch
LEFT JOIN orchestration AS o ON o.key = e.orchestration;

CREATE VIEW polls AS
SELECT
    o.number AS number,
    o.round AS round,
    CASE typeof(p.id) WHEN 'blob' THEN lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4) || '-'
        || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-' || substr(hex(p.id), 21)) ELSE p.id END AS profile_id,
    o.lane AS lane,
    CASE WHEN o.began_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.began_at - (o.began_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.began_at % 1000000 + 1000000) % 1000000) END AS began_at,
    CASE WHEN o.ended_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.ended_at - (o.ended_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.ended_at % 1000000 + 1000000) % 1000000) END AS ended_at,
    CASE WHEN o.begins_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.begins_at - (o.begins_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.begins_at % 1000000 + 1000000) % 1000000) END AS begins_at,
    CASE WHEN o.ceiling IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.ceiling - (o.ceiling % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.ceiling % 1000000 + 1000000) % 1000000) END AS ceiling,
    o.result AS result,
    o.reason AS reason,
    o.pages AS pages,
    o.rows AS rows,
    o.appeared AS appeared,
    o.changed AS changed,
    o.unreadable AS unreadable,
    o.stale AS stale,
    o.without_id AS without_id,
    o.refreshed AS refreshed,
    o.looked_up AS looked_up
FROM poll AS o JOIN profile AS p ON p.key = o.profile;

CREATE VIEW coverage AS
SELECT
    CASE typeof(o.id) WHEN 'blob' THEN lower(substr(hex(o.id), 1, 8) || '-' || substr(hex(o.id), 9, 4) || '-'
        || substr(hex(o.id), 13, 4) || '-' || substr(hex(o.id), 17, 4) || '-' || substr(hex(o.id), 21)) ELSE o.id END AS profile_id,
    o.name AS name,
    CASE WHEN o.first_poll_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.first_poll_at - (o.first_poll_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.first_poll_at % 1000000 + 1000000) % 1000000) END AS first_poll_at,
    CASE WHEN o.covered_from IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.covered_from - (o.covered_from % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.covered_from % 1000000 + 1000000) % 1000000) END AS covered_from,
    CASE WHEN o.watermark IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.watermark - (o.watermark % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.watermark % 1000000 + 1000000) % 1000000) END AS covered_to,
    CASE WHEN o.verified_at IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (o.verified_at - (o.verified_at % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (o.verified_at % 1000000 + 1000000) % 1000000) END AS verified_at
FROM profile AS o;
