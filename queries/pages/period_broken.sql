-- One row per object of a workspace in scope that was broken by the latest snapshot of its source in or before the
-- periods, as far as the evidence asked for tells, and problem of it; `since`: the first of the snapshots in a row that
-- found it so. A source that was retired tells of no period after its latest snapshot.
CREATE OR REPLACE TEMP VIEW period_broken AS
WITH clip AS (
    SELECT min(p.period_from) AS clip_from, max(p.period_until) AS clip_until FROM periods AS p
),
latest AS (
    SELECT s.source_id, s.name, max(n.taken_at) AS latest_at
    FROM snapshots AS n
    JOIN sources AS s ON s.source_id = n.source_id
    CROSS JOIN evidence AS e
    JOIN clip AS c ON n.taken_at <= c.clip_until
    WHERE n.record_id <= e.record_until
    GROUP BY s.source_id, s.name, s.retirement_record_id <= e.record_until, c.clip_from
    HAVING NOT coalesce(s.retirement_record_id <= e.record_until, false) OR max(n.taken_at) >= c.clip_from
)
SELECT b.workspace_id, l.name AS source, b.kind, b.key, b.package, b.problem, b.seen_from AS since
FROM broken_objects AS b
JOIN scope AS c ON c.workspace_id = b.workspace_id
JOIN latest AS l ON l.source_id = b.source_id
WHERE b.seen_from <= l.latest_at AND (b.seen_until IS NULL OR l.latest_at <= b.seen_until);
