-- One row per line, blob of it, and unbroken presence there of a reference to it: the version, and which snapshots tell,
-- the first and the last that held it. What was uploaded in the very second of a snapshot counts as seen in it.
CREATE OR REPLACE TEMP VIEW sightings AS
WITH latest AS (
    SELECT n.source_id, max(n.taken_at) AS taken_at FROM snapshots AS n GROUP BY n.source_id
),
present AS (
    SELECT DISTINCT l.line_id, r.blob_id, v.name AS version, r.source_id, r.valid_from,
           coalesce(r.valid_until, t.taken_at) AS last_seen_at
    FROM line_stretches AS l
    JOIN versions AS v ON v.package_id = l.package_id
    JOIN reference_intervals AS r
        ON r.version_id = v.version_id AND r.valid_from < l.state_until
        AND l.state_from < coalesce(r.valid_until, 9223372036854775807)
    JOIN latest AS t ON t.source_id = r.source_id
)
SELECT p.line_id, p.blob_id, p.version, s.name AS source, p.valid_from AS present_from,
       n.taken_at AS first_seen_at, p.last_seen_at
FROM present AS p
JOIN sources AS s ON s.source_id = p.source_id
ASOF LEFT JOIN snapshots AS n ON n.source_id = p.source_id AND n.taken_at >= p.valid_from;
