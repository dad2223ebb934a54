-- One row per workspace of which something was recorded after a closing (relation `since`) that may change its month:
-- an event, a presence that reaches into the time before its end, or a rate card loaded as retroactive; or of which a
-- later closing has sealed a change already. What a served source hides behind a deletion depends on later events and
-- snapshots too, so a workspace with such a source and a deletion is one of them.
CREATE OR REPLACE TEMP VIEW touched_workspaces AS
SELECT DISTINCT w.name
FROM workspaces AS w
CROSS JOIN since AS s
WHERE w.workspace_id IN (
        SELECT e.workspace_id FROM events AS e CROSS JOIN since AS t
        WHERE e.record_id > t.closed_in AND e.record_id <= t.record_until AND e.occurred_at < t.month_until
    )
    OR w.workspace_id IN (
        SELECT p.workspace_id FROM holdings AS h JOIN packages AS p ON p.package_id = h.package_id CROSS JOIN since AS t
        WHERE (h.opened_record_id > t.closed_in AND h.opened_record_id <= t.record_until AND h.valid_from < t.month_until)
           OR (h.closed_record_id > t.closed_in AND h.closed_record_id <= t.record_until AND h.valid_until < t.month_until)
    )
    OR w.workspace_id IN (
        SELECT p.workspace_id
        FROM holdings AS h
        JOIN sources AS s ON s.source_id = h.source_id AND s.served
        JOIN packages AS p ON p.package_id = h.package_id
        CROSS JOIN since AS t
        WHERE h.valid_until < t.month_until AND p.workspace_id IN (
            SELECT e.workspace_id FROM events AS e
            WHERE e.kind IN ('workspace', 'repository') AND e.verb = 'deleted'
        )
    )
    OR EXISTS (
        SELECT 1 FROM rate_cards AS r CROSS JOIN since AS t
        WHERE r.retroactive AND r.record_id > t.closed_in AND r.record_id <= t.record_until
    )
    OR w.workspace_id IN (
        SELECT l.workspace_id FROM sealed_lines AS l CROSS JOIN since AS t
        WHERE l.of_month = t.month AND l.month <> t.month
    );
