-- One row per deletion of a package: from the first of successive deletions until it is restored or created again.
CREATE OR REPLACE TEMP TABLE package_deletions AS
WITH marks AS (
    SELECT e.package_id, e.position, e.occurred_at,
           CASE WHEN e.verb = 'deleted' THEN 1 ELSE 0 END AS is_deleted
    FROM ordered_events AS e
    WHERE e.kind = 'package' AND e.verb IN ('created', 'deleted', 'restored')
),
compared AS (
    SELECT m.package_id, m.position, m.occurred_at,
           m.is_deleted,
           LAG(m.is_deleted, 1, 0) OVER (PARTITION BY m.package_id ORDER BY m.position) AS was_deleted
    FROM marks AS m
),
changes AS (
    SELECT c.package_id, c.is_deleted, c.occurred_at AS deleted_at,
           LEAD(c.occurred_at) OVER (PARTITION BY c.package_id ORDER BY c.position) AS restored_at
    FROM compared AS c
    WHERE c.is_deleted <> c.was_deleted
)
SELECT c.package_id, c.deleted_at,
       COALESCE(c.restored_at, 9223372036854775807) AS restored_at
FROM changes AS c
WHERE c.is_deleted = 1;
