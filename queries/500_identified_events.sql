-- One row per lifecycle event of the workspaces and the evidence asked for, by its position there, with what identifies
-- it. Events that say the same of the same instant stand in the order of (id, source), here as there.
CREATE OR REPLACE TEMP TABLE identified_events AS
WITH said AS (
    SELECT e.*, row_number() OVER (
               PARTITION BY e.workspace_id, e.occurred_at, e.kind, e.verb, e.package_id, e.slug, e.plan
               ORDER BY e.event_id, e.event_source
           ) AS turn
    FROM events AS e
    JOIN scope AS s ON s.workspace_id = e.workspace_id
    CROSS JOIN evidence AS v
    WHERE e.record_id <= v.record_until
),
ordered AS (
    SELECT o.*, row_number() OVER (
               PARTITION BY o.workspace_id, o.occurred_at, o.kind, o.verb, o.package_id, o.slug, o.plan
               ORDER BY o.position
           ) AS turn
    FROM ordered_events AS o
)
SELECT o.position, o.occurred_at, o.kind, o.verb, s.event_id, s.event_source
FROM ordered AS o
JOIN said AS s
    ON s.workspace_id = o.workspace_id AND s.occurred_at = o.occurred_at AND s.kind = o.kind AND s.verb = o.verb
    AND s.package_id IS NOT DISTINCT FROM o.package_id AND s.slug IS NOT DISTINCT FROM o.slug
    AND s.plan IS NOT DISTINCT FROM o.plan AND s.turn = o.turn;
