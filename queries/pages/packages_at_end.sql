-- One row per package that holds something in the last second of the periods: its state then, the bytes that it holds,
-- and those of them that no other package has ever held.
CREATE OR REPLACE TEMP TABLE packages_at_end AS
WITH ends AS (
    SELECT p.period_id, p.period_until FROM periods AS p ORDER BY p.period_until DESC LIMIT 1
),
held AS (
    SELECT h.package_id, sum(h.size_bytes)::HUGEINT AS held_bytes,
           coalesce(sum(h.size_bytes) FILTER (NOT h.shared), 0)::HUGEINT AS own_bytes
    FROM held_blobs AS h
    JOIN ends AS e ON e.period_until = h.held_until
    GROUP BY h.package_id
)
SELECT s.workspace_id, s.package_id, s.repository, s.state, s.charged,
       CASE WHEN s.state = 'repository_deleted' THEN s.repository_kept_until END AS kept_until, h.held_bytes, h.own_bytes
FROM held AS h
JOIN package_states AS s ON s.package_id = h.package_id
JOIN ends AS e ON e.period_id = s.period_id AND e.period_until = s.state_until;
