-- One row per holding of the workspaces asked for that reaches into the periods asked for, clipped to them.
CREATE OR REPLACE TEMP TABLE scope_holdings AS
WITH clip AS (
    SELECT MIN(p.period_from) AS clip_from, MAX(p.period_until) AS clip_until FROM periods AS p
),
clipped AS (
    SELECT h.source_id AS source_id, h.package_id AS package_id, h.blob_id AS blob_id,
           h.size_bytes AS size_bytes, h.shared AS shared,
           GREATEST(h.valid_from, c.clip_from) AS held_from,
           LEAST(COALESCE(h.valid_until, c.clip_until), c.clip_until) AS held_until
    FROM holdings AS h
    JOIN scope_packages AS p ON p.package_id = h.package_id
    CROSS JOIN clip AS c
)
SELECT c.source_id AS source_id, c.package_id AS package_id, c.blob_id AS blob_id, c.size_bytes AS size_bytes,
       c.shared AS shared,
       c.held_from AS held_from, c.held_until AS held_until
FROM clipped AS c
WHERE c.held_from < c.held_until;
