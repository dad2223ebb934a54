-- One row per deletion of a workspace: from the first of successive deletions until it is restored or created again.
CREATE OR REPLACE TEMP TABLE workspace_deletions AS
WITH marks AS (
    SELECT e.workspace_id, e.position, e.occurred_at,
           CASE WHEN e.verb = 'deleted' THEN 1 ELSE 0 END AS is_deleted
    FROM ordered_events AS e
    WHERE e.kind = 'workspace' AND e.verb IN ('created', 'deleted', 'restored')
),
compared AS (
    SELECT m.workspace_id, m.position, m.occurred_at,
           m.is_deleted,
           LAG(m.is_deleted, 1, 0) OVER (PARTITION BY m.workspace_id ORDER BY m.position) AS was_deleted
    FROM marks AS m
),
changes AS (
    SELECT c.workspace_id, c.is_deleted, c.occurred_at AS deleted_at,
           LEAD(c.occurred_at) OVER (PARTITION BY c.workspace_id ORDER BY c.position) AS restored_at
    FROM compared AS c
    WHERE c.is_deleted <> c.was_deleted
)
SELECT c.workspace_id, c.deleted_at,
       c.deleted_at + r.retention_seconds AS kept_until,
       COALESCE(c.restored_at, 9223372036854775807) AS restored_at
FROM changes AS c
JOIN rules AS r ON r.rule_from <= c.deleted_at AND c.deleted_at < r.rule_until
WHERE c.is_deleted = 1;
