-- One row per corrected package and event that was recorded since the last closing (relation `last_closing`) and bears on it:
-- an event of its own, of a repository that it was ever linked to, or of its workspace, that counts before the month's end;
-- where a source is served, a deletion until the first snapshot after that too, for it says what that snapshot hides.
CREATE OR REPLACE TEMP VIEW late_events AS
WITH reach AS (
    SELECT max(f.taken_at) AS taken_at
    FROM (
        SELECT min(n.taken_at) AS taken_at
        FROM snapshots AS n
        JOIN sources AS v ON v.source_id = n.source_id AND v.served
        CROSS JOIN last_closing AS s
        WHERE n.taken_at >= s.month_until AND n.record_id <= s.record_until
        GROUP BY n.source_id
    ) AS f
),
late AS (
    SELECT e.workspace_id, e.package_id, e.kind, e.verb, e.occurred_at, e.event_id, e.event_source, e.slug, e.plan,
           e.record_id
    FROM events AS e
    CROSS JOIN last_closing AS s
    CROSS JOIN reach AS r
    WHERE e.record_id > s.sealed_in AND e.record_id <= s.record_until
        AND (e.occurred_at < s.month_until OR e.kind <> 'package' AND e.occurred_at <= r.taken_at)
),
linked AS (
    SELECT DISTINCT e.package_id, e.workspace_id, e.slug
    FROM events AS e
    JOIN corrected_packages AS c ON c.package_id = e.package_id
    CROSS JOIN last_closing AS s
    WHERE e.slug IS NOT NULL AND e.record_id <= s.record_until
),
bearing AS (
    SELECT c.package_id AS corrected_id, l.*
    FROM late AS l
    JOIN corrected_packages AS c ON c.package_id = l.package_id
    UNION ALL
    SELECT k.package_id AS corrected_id, l.*
    FROM late AS l
    JOIN linked AS k ON k.workspace_id = l.workspace_id AND k.slug = l.slug
    WHERE l.kind = 'repository'
    UNION ALL
    SELECT c.package_id AS corrected_id, l.*
    FROM late AS l
    JOIN packages AS p ON p.workspace_id = l.workspace_id
    JOIN corrected_packages AS c ON c.package_id = p.package_id
    WHERE l.kind = 'workspace'
)
SELECT b.corrected_id AS package_id, b.kind, b.verb, b.occurred_at, b.event_id, b.event_source, b.slug, b.plan,
       r.recorded_at
FROM bearing AS b
JOIN records AS r ON r.record_id = b.record_id;
