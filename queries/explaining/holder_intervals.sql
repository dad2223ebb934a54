-- One row per longest interval of a period in which a package held a shared blob of a package asked for, charged all the
-- time or not at all.
CREATE OR REPLACE TEMP TABLE holder_intervals AS
WITH blobs_asked AS (
    SELECT DISTINCT h.blob_id
    FROM held_blobs AS h
    JOIN explained_packages AS x ON x.package_id = h.package_id
    WHERE h.shared
),
held AS (
    SELECT s.period_id, s.blob_id, t.package_id, t.workspace_id, s.charged, s.size_bytes, s.held_from, s.held_until,
           s.held_from IS DISTINCT FROM lag(s.held_until) OVER (
               PARTITION BY s.period_id, s.blob_id, t.package_id, s.charged ORDER BY s.held_from
           ) AS is_first
    FROM shared_holdings AS s
    JOIN package_states AS t ON t.interval_id = s.interval_id
    SEMI JOIN blobs_asked AS b ON b.blob_id = s.blob_id
),
islands AS (
    SELECT s.*, sum(s.is_first::INTEGER) OVER (
               PARTITION BY s.period_id, s.blob_id, s.package_id, s.charged ORDER BY s.held_from
           ) AS island
    FROM held AS s
)
SELECT i.period_id, i.blob_id, i.package_id, i.workspace_id, i.charged, i.size_bytes,
       min(i.held_from) AS held_from, max(i.held_until) AS held_until
FROM islands AS i
GROUP BY i.period_id, i.blob_id, i.package_id, i.workspace_id, i.charged, i.size_bytes, i.island;
