-- One row per holding of the workspaces asked for that reaches into the periods asked for, clipped to them, as far as
-- the evidence asked for tells (relation `evidence`: what was recorded up to one transaction).
CREATE OR REPLACE TEMP TABLE scope_holdings AS
WITH clip AS (
    SELECT MIN(p.period_from) AS clip_from, MAX(p.period_until) AS clip_until FROM periods AS p
),
clipped AS (
    SELECT h.source_id AS source_id, h.package_id AS package_id, h.blob_id AS blob_id,
           h.size_bytes AS size_bytes, h.shared AS shared,
           GREATEST(h.valid_from, c.clip_from) AS held_from,
           CASE WHEN h.closed_record_id <= e.record_until AND h.valid_until < c.clip_until
                THEN h.valid_until ELSE c.clip_until END AS held_until
    FROM holdings AS h
    JOIN scope_packages AS p ON p.package_id = h.package_id
    CROSS JOIN clip AS c
    CROSS JOIN evidence AS e
    WHERE h.opened_record_id <= e.record_until
)
SELECT c.source_id AS source_id, c.package_id AS package_id, c.blob_id AS blob_id, c.size_bytes AS size_bytes,
       c.shared AS shared,
       c.held_from AS held_from, c.held_until AS held_until
FROM clipped AS c
WHERE c.held_from < c.held_until;
