-- One row per event that turns a package, a repository or a workspace into a deleted one, or back, and is not undone at
-- the same instant (RULES, section 3).
CREATE OR REPLACE TEMP TABLE deletion_changes AS
WITH marks AS (
    SELECT e.kind, e.workspace_id, e.package_id, NULL::VARCHAR AS slug, NULL::HUGEINT AS incarnation,
           e.position, e.occurred_at, e.verb = 'deleted' AS is_deleted
    FROM ordered_events AS e
    WHERE e.kind IN ('package', 'workspace') AND e.verb IN ('created', 'deleted', 'restored')
    UNION ALL
    SELECT 'repository', r.workspace_id, NULL, r.slug, r.incarnation::HUGEINT, r.position, r.occurred_at,
           r.is_deleted = 1
    FROM repository_events AS r
    WHERE r.package_id IS NULL
),
changes AS (
    SELECT m.*
    FROM marks AS m
    QUALIFY m.is_deleted <> lag(m.is_deleted, 1, false) OVER (
        PARTITION BY m.kind, m.workspace_id, m.package_id, m.slug, m.incarnation ORDER BY m.position
    )
)
SELECT c.*
FROM changes AS c
QUALIFY c.occurred_at IS DISTINCT FROM lead(c.occurred_at) OVER (
    PARTITION BY c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation ORDER BY c.position
);
