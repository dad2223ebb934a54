-- One row per interval in which a package is linked to one repository.
CREATE OR REPLACE TEMP TABLE package_links AS
WITH links AS (
    SELECT e.package_id, e.workspace_id, e.slug, e.incarnation,
           e.occurred_at AS linked_at,
           LEAD(e.occurred_at, 1, 9223372036854775807) OVER (
               PARTITION BY e.package_id ORDER BY e.position
           ) AS linked_until
    FROM repository_events AS e
    WHERE e.package_id IS NOT NULL
)
SELECT l.package_id, l.workspace_id, l.slug, l.incarnation,
       l.linked_at, l.linked_until
FROM links AS l
WHERE l.linked_at < l.linked_until;
