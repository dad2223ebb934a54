-- One row per line, blob of it, and unbroken presence there of a reference to it, as far as the evidence asked for goes:
-- the version, and the first and the last snapshot that held it. A line that no reference reaches, since a tag moved or a
-- deletion hides it, has the ones that ended last before it. `hidden` where the blob is on the line though the source shows
-- it no more. What was uploaded in the very second of a snapshot counts as seen in it.
CREATE OR REPLACE TEMP VIEW sightings AS
WITH known AS (
    SELECT n.source_id, n.taken_at FROM snapshots AS n CROSS JOIN evidence AS e WHERE n.record_id <= e.record_until
),
latest AS (
    SELECT k.source_id, max(k.taken_at) AS taken_at FROM known AS k GROUP BY k.source_id
),
held AS (
    SELECT l.line_id, l.package_id, l.state_from, l.state_until, h.source_id, h.blob_id, max(h.hidden) = 1 AS hidden
    FROM line_intervals AS l
    JOIN scope_holdings AS h
        ON h.package_id = l.package_id AND h.held_from < l.state_until AND l.state_from < h.held_until
    GROUP BY l.line_id, l.package_id, l.state_from, l.state_until, h.source_id, h.blob_id
),
present AS (
    SELECT h.line_id, h.blob_id, v.name AS version, h.source_id, r.valid_from, h.hidden,
           least(r.valid_until, t.taken_at) AS last_seen_at
    FROM held AS h
    JOIN versions AS v ON v.package_id = h.package_id
    JOIN reference_intervals AS r
        ON r.version_id = v.version_id AND r.source_id = h.source_id AND r.blob_id = h.blob_id
        AND r.valid_from < h.state_until
    JOIN latest AS t ON t.source_id = r.source_id
    QUALIFY coalesce(r.valid_until, 9223372036854775807) > h.state_from
        OR r.valid_until = max(coalesce(r.valid_until, 9223372036854775807)) OVER (
            PARTITION BY h.line_id, h.state_from, h.source_id, h.blob_id
        )
)
SELECT DISTINCT p.line_id, p.blob_id, p.version, s.name AS source, p.valid_from AS present_from,
       k.taken_at AS first_seen_at, p.last_seen_at, p.hidden
FROM present AS p
JOIN sources AS s ON s.source_id = p.source_id
ASOF JOIN known AS k ON k.source_id = p.source_id AND k.taken_at >= p.valid_from;
