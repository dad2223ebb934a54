-- One row per deletion of a package, a repository or a workspace: from the first of successive deletions until it is restored
-- or, but for a repository, created again; and until when it is kept (RULES, section 3).
CREATE OR REPLACE TEMP TABLE deletions AS
WITH changes AS (
    SELECT c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation, c.is_deleted, c.occurred_at AS deleted_at,
           LEAD(c.occurred_at, 1, 9223372036854775807) OVER (
               PARTITION BY c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation ORDER BY c.position
           ) AS restored_at
    FROM deletion_changes AS c
)
SELECT c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation, c.deleted_at,
       c.deleted_at + r.retention_seconds AS kept_until, c.restored_at
FROM changes AS c
JOIN rules AS r ON r.rule_from <= c.deleted_at AND c.deleted_at < r.rule_until
WHERE c.is_deleted = 1;
