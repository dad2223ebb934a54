-- One row per event offered that the ledger does not hold.
CREATE OR REPLACE TEMP TABLE new_events AS
SELECT DISTINCT o.event_source, o.event_id, o.occurred_at, o.kind, o.verb, o.workspace, o.format, o.package,
       o.slug, o.plan
FROM offered_events AS o
ANTI JOIN events AS e ON e.event_source = o.event_source AND e.event_id = o.event_id
WHERE NOT o.foreign_type;
