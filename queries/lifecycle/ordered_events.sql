-- One row per lifecycle event of the workspaces and the evidence asked for, numbered in the order of taking effect
-- (RULES, section 3).
CREATE OR REPLACE TEMP TABLE ordered_events AS
SELECT e.workspace_id, e.package_id, e.kind, e.verb, e.slug,
       e.plan, e.occurred_at, e.event_id, e.event_source,
       ROW_NUMBER() OVER (
           PARTITION BY e.workspace_id ORDER BY e.occurred_at, e.event_id, e.event_source
       ) AS position
FROM events AS e
JOIN scope AS s ON s.workspace_id = e.workspace_id
CROSS JOIN evidence AS v
WHERE e.record_id <= v.record_until;
