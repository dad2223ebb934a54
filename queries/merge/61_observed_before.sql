-- One row per event that earlier collections of the source have recorded.
CREATE OR REPLACE TEMP TABLE observed_before AS
SELECT concat_ws('/', w.name, CASE WHEN e.kind = 'repository' THEN e.slug END, p.format, p.name) AS subject,
       e.kind, w.name AS workspace, p.format, p.name AS package, e.slug, e.verb, e.occurred_at, e.event_id
FROM events AS e
JOIN observation AS o ON o.event_source = e.event_source
JOIN workspaces AS w ON w.workspace_id = e.workspace_id
LEFT JOIN packages AS p ON p.package_id = e.package_id;
