-- One row per package and source of which the periods charge what none of the source's snapshots shows any more (RULES,
-- section 2): the first snapshot that was the last one to show it, and the bytes.
CREATE OR REPLACE TEMP VIEW hidden_packages AS
WITH hidden AS (
    SELECT DISTINCT s.workspace_id, s.repository, s.package_id, h.source_id, h.blob_id, h.size_bytes, h.held_from
    FROM hidden_holdings AS h
    JOIN package_states AS s
        ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
    WHERE s.charged = 1
)
SELECT h.workspace_id, h.repository, k.format, k.name AS package, n.name AS source, min(h.held_from) AS last_shown_at,
       sum(h.size_bytes)::HUGEINT AS size_bytes
FROM hidden AS h
JOIN scope_packages AS k ON k.package_id = h.package_id
JOIN sources AS n ON n.source_id = h.source_id
GROUP BY h.workspace_id, h.repository, k.format, k.name, n.name;
