-- One row per interval in which a workspace has a plan; before the first it has none.
CREATE OR REPLACE TEMP VIEW workspace_plans AS
WITH plans AS (
    SELECT e.workspace_id, e.plan, e.occurred_at AS plan_from,
           LEAD(e.occurred_at, 1, 9223372036854775807) OVER (
               PARTITION BY e.workspace_id ORDER BY e.position
           ) AS plan_until
    FROM ordered_events AS e
    WHERE e.kind = 'workspace' AND e.verb = 'plan_changed'
)
SELECT p.workspace_id, p.plan, p.plan_from, p.plan_until
FROM plans AS p
WHERE p.plan_from < p.plan_until;
