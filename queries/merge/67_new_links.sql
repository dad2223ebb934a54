-- One row per package that is offered with another link than it has at the instant from which on the table counts
-- (`links_from`), as an event: from then on, or all along where no event has linked it. Of two events of this source at
-- one instant the later recorded counts, by its number.
CREATE OR REPLACE TEMP TABLE new_links AS
WITH links AS (
    SELECT w.name AS workspace, p.format, p.name AS package,
           count(*) FILTER (WHERE e.event_source = f.event_source) AS events,
           last(e.slug ORDER BY e.occurred_at, e.event_id, e.event_source)
               FILTER (WHERE e.occurred_at <= f.linked_at) AS slug
    FROM events AS e
    CROSS JOIN links_from AS f
    JOIN workspaces AS w ON w.workspace_id = e.workspace_id
    JOIN packages AS p ON p.package_id = e.package_id
    WHERE e.slug IS NOT NULL
    GROUP BY w.name, p.format, p.name
)
SELECT f.event_source,
       format('{:06d} linked {}/{}/{}', coalesce(l.events, 0) + 1, o.workspace, o.format, o.package) AS event_id,
       CASE WHEN l.package IS NULL THEN 0 ELSE f.linked_at END AS occurred_at, 'package' AS kind, 'linked' AS verb,
       o.workspace, o.format, o.package, o.repository AS slug, NULL::VARCHAR AS plan
FROM (SELECT DISTINCT workspace, format, package, repository FROM offered_links) AS o
CROSS JOIN links_from AS f
LEFT JOIN links AS l ON l.workspace = o.workspace AND l.format = o.format AND l.package = o.package
WHERE l.slug IS DISTINCT FROM o.repository;
