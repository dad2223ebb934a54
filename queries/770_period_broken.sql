-- One row per object of a workspace in scope that was broken by the latest snapshot of its source in or before the
-- periods, as far as the evidence asked for tells, and problem of it; `since`: the first of the snapshots in a row that
-- found it so.
CREATE OR REPLACE TEMP VIEW period_broken AS
WITH ends AS (
    SELECT max(p.period_until) AS period_until FROM periods AS p
),
latest AS (
    SELECT n.source_id, max(n.taken_at) AS latest_at
    FROM snapshots AS n
    CROSS JOIN evidence AS e
    JOIN ends AS p ON n.taken_at <= p.period_until
    WHERE n.record_id <= e.record_until
    GROUP BY n.source_id
)
SELECT b.workspace_id, s.name AS source, b.kind, b.key, b.package, b.problem, b.seen_from AS since
FROM broken_objects AS b
JOIN scope AS c ON c.workspace_id = b.workspace_id
JOIN sources AS s ON s.source_id = b.source_id
JOIN latest AS l ON l.source_id = b.source_id
WHERE b.seen_from <= l.latest_at AND (b.seen_until IS NULL OR l.latest_at <= b.seen_until);
