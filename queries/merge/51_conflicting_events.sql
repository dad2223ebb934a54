-- One row per line that gives an event's source and id again with other content, in the file or in the ledger.
CREATE OR REPLACE TEMP VIEW conflicting_events AS
WITH known AS (
    SELECT e.event_source, e.event_id, e.occurred_at, e.kind, e.verb, w.name AS workspace, p.format,
           p.name AS package, e.slug, e.plan, 0 AS line_number
    FROM events AS e
    JOIN workspaces AS w ON w.workspace_id = e.workspace_id
    LEFT JOIN packages AS p ON p.package_id = e.package_id
    WHERE (e.event_source, e.event_id) IN (SELECT (event_source, event_id) FROM offered_events)
    UNION ALL
    SELECT event_source, event_id, occurred_at, kind, verb, workspace, format, package, slug, plan, line_number
    FROM offered_events
    WHERE NOT foreign_type
),
compared AS (
    SELECT line_number, event_source, event_id,
           row(occurred_at, kind, verb, workspace, format, package, slug, plan) AS content,
           first_value(row(occurred_at, kind, verb, workspace, format, package, slug, plan)) OVER (
               PARTITION BY event_source, event_id ORDER BY line_number
           ) AS first_content
    FROM known
)
SELECT line_number, event_source, event_id FROM compared WHERE content IS DISTINCT FROM first_content;
