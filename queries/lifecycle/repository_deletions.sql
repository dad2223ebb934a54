-- One row per deletion of a repository: from the first of successive deletions until it is restored.
CREATE OR REPLACE TEMP TABLE repository_deletions AS
WITH compared AS (
    SELECT e.workspace_id, e.slug, e.incarnation, e.position,
           e.occurred_at, e.is_deleted,
           LAG(e.is_deleted, 1, 0) OVER (
               PARTITION BY e.workspace_id, e.slug, e.incarnation ORDER BY e.position
           ) AS was_deleted
    FROM repository_events AS e
    WHERE e.package_id IS NULL
),
changes AS (
    SELECT c.workspace_id, c.slug, c.incarnation,
           c.is_deleted, c.occurred_at AS deleted_at,
           LEAD(c.occurred_at) OVER (
               PARTITION BY c.workspace_id, c.slug, c.incarnation ORDER BY c.position
           ) AS restored_at
    FROM compared AS c
    WHERE c.is_deleted <> c.was_deleted
)
SELECT c.workspace_id, c.slug, c.incarnation, c.deleted_at,
       c.deleted_at + r.retention_seconds AS kept_until,
       COALESCE(c.restored_at, 9223372036854775807) AS restored_at
FROM changes AS c
JOIN rules AS r ON r.rule_from <= c.deleted_at AND c.deleted_at < r.rule_until
WHERE c.is_deleted = 1;
