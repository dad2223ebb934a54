-- One row per event that bears on a repository, with which repository of that slug: 0 is the first, and each that is
-- created under a deleted one's slug is another (RULES, section 3). Links carry their package.
CREATE OR REPLACE TEMP TABLE repository_events AS
WITH lives AS (
    SELECT e.workspace_id, e.slug, e.position, e.occurred_at,
           e.verb,
           LAG(e.verb, 1, 'created') OVER (PARTITION BY e.workspace_id, e.slug ORDER BY e.position) AS verb_before
    FROM ordered_events AS e
    WHERE e.kind = 'repository'
),
met AS (
    SELECT l.workspace_id, l.slug, l.position, l.occurred_at,
           CAST(NULL AS INTEGER) AS package_id,
           CASE WHEN l.verb = 'deleted' THEN 1 ELSE 0 END AS is_deleted,
           CASE WHEN l.verb = 'created' AND l.verb_before = 'deleted' THEN 1 ELSE 0 END AS is_another
    FROM lives AS l
    UNION ALL
    SELECT e.workspace_id, e.slug, e.position, e.occurred_at,
           e.package_id, 0 AS is_deleted, 0 AS is_another
    FROM ordered_events AS e
    WHERE e.kind = 'package' AND e.verb IN ('created', 'linked') AND e.slug IS NOT NULL
)
SELECT m.workspace_id, m.slug, m.position, m.occurred_at,
       m.package_id, m.is_deleted,
       SUM(m.is_another) OVER (
           PARTITION BY m.workspace_id, m.slug ORDER BY m.position
           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
       ) AS incarnation
FROM met AS m;
