-- One row per event that turns a package, a repository or a workspace into a deleted one, or back (RULES, section 3). What is
-- deleted already, or is not, is not turned.
CREATE OR REPLACE TEMP TABLE deletion_changes AS
WITH marks AS (
    SELECT e.kind, e.workspace_id, e.package_id, CAST(NULL AS VARCHAR) AS slug, CAST(NULL AS BIGINT) AS incarnation,
           e.position, e.occurred_at, CASE WHEN e.verb = 'deleted' THEN 1 ELSE 0 END AS is_deleted
    FROM ordered_events AS e
    WHERE e.kind IN ('package', 'workspace') AND e.verb IN ('created', 'deleted', 'restored')
    UNION ALL
    SELECT 'repository' AS kind, r.workspace_id, r.package_id, r.slug, CAST(r.incarnation AS BIGINT) AS incarnation,
           r.position, r.occurred_at, r.is_deleted
    FROM repository_events AS r
    WHERE r.package_id IS NULL
),
compared AS (
    SELECT m.kind, m.workspace_id, m.package_id, m.slug, m.incarnation, m.position, m.occurred_at, m.is_deleted,
           LAG(m.is_deleted, 1, 0) OVER (
               PARTITION BY m.kind, m.workspace_id, m.package_id, m.slug, m.incarnation ORDER BY m.position
           ) AS was_deleted
    FROM marks AS m
)
SELECT c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation, c.position, c.occurred_at, c.is_deleted
FROM compared AS c
WHERE c.is_deleted <> c.was_deleted;
