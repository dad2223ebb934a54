-- One row per source, workspace, state and end of charging: the bytes stored at the start of the period, each blob once,
-- in the state of that holder of it which keeps it longest: a charged one before others, then in the order of states.
CREATE OR REPLACE TEMP VIEW stored_states AS
WITH held AS (
    SELECT h.source_id, s.workspace_id, h.blob_id, h.size_bytes,
           s.state, s.charged,
           CASE WHEN s.state = 'repository_deleted' AND s.charged = 1 THEN s.repository_kept_until END
               AS charging_stops_at,
           CASE s.state WHEN 'live' THEN 1 WHEN 'repository_deleted' THEN 2 WHEN 'workspace_deleted' THEN 3
                        WHEN 'package_deleted' THEN 4 ELSE 5 END AS state_rank
    FROM scope_holdings AS h
    JOIN package_states AS s ON s.package_id = h.package_id
),
ranked AS (
    SELECT h.source_id, h.workspace_id, h.state, h.charged,
           h.charging_stops_at, h.size_bytes,
           ROW_NUMBER() OVER (
               PARTITION BY h.source_id, h.workspace_id, h.blob_id
               ORDER BY h.charged DESC, h.state_rank, h.charging_stops_at DESC
           ) AS place
    FROM held AS h
)
SELECT r.source_id, r.workspace_id, r.state, r.charged,
       r.charging_stops_at, COUNT(*) AS blobs,
       SUM(CAST(r.size_bytes AS DECIMAL(19, 0))) AS size_bytes
FROM ranked AS r
WHERE r.place = 1
GROUP BY r.source_id, r.workspace_id, r.state, r.charged, r.charging_stops_at;
