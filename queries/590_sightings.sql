-- One row per line, blob of it, and unbroken presence there of a reference to it, as far as the evidence asked for tells:
-- the version, and the first and the last snapshot that held it. What was uploaded in the very second of a snapshot
-- counts as seen in it.
CREATE OR REPLACE TEMP VIEW sightings AS
WITH known AS (
    SELECT n.source_id, n.taken_at FROM snapshots AS n CROSS JOIN evidence AS e WHERE n.record_id <= e.record_until
),
latest AS (
    SELECT k.source_id, max(k.taken_at) AS taken_at FROM known AS k GROUP BY k.source_id
),
present AS (
    SELECT DISTINCT l.line_id, r.blob_id, v.name AS version, r.source_id, r.valid_from,
           least(r.valid_until, t.taken_at) AS last_seen_at
    FROM line_stretches AS l
    JOIN versions AS v ON v.package_id = l.package_id
    JOIN reference_intervals AS r
        ON r.version_id = v.version_id AND r.valid_from < l.state_until
        AND l.state_from < coalesce(r.valid_until, 9223372036854775807)
    JOIN latest AS t ON t.source_id = r.source_id
)
SELECT p.line_id, p.blob_id, p.version, s.name AS source, p.valid_from AS present_from,
       k.taken_at AS first_seen_at, p.last_seen_at
FROM present AS p
JOIN sources AS s ON s.source_id = p.source_id
ASOF JOIN known AS k ON k.source_id = p.source_id AND k.taken_at >= p.valid_from;
