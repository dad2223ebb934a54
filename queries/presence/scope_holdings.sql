-- One row per holding of the workspaces asked for that reaches into the periods asked for, clipped to them, as far as the
-- evidence asked for goes (relation `evidence`: what was recorded up to one transaction; `seen_only` where what a source
-- held last is not to be there after its latest snapshot). `hidden` where no snapshot shows it.
CREATE OR REPLACE TEMP TABLE scope_holdings AS
WITH clip AS (
    SELECT MIN(p.period_from) AS clip_from, MAX(p.period_until) AS clip_until FROM periods AS p
),
seen AS (
    SELECT n.source_id, MAX(n.taken_at) AS seen_until
    FROM snapshots AS n
    CROSS JOIN evidence AS e
    WHERE e.seen_only AND n.record_id <= e.record_until
    GROUP BY n.source_id
),
clipped AS (
    SELECT h.source_id, h.package_id, h.blob_id,
           h.size_bytes, h.shared, 0 AS hidden,
           GREATEST(h.valid_from, c.clip_from) AS held_from,
           CASE WHEN h.closed_record_id <= e.record_until AND h.valid_until < c.clip_until
                THEN h.valid_until ELSE LEAST(c.clip_until, COALESCE(s.seen_until, c.clip_until)) END AS held_until
    FROM holdings AS h
    JOIN scope_packages AS p ON p.package_id = h.package_id
    LEFT JOIN seen AS s ON s.source_id = h.source_id
    CROSS JOIN clip AS c
    CROSS JOIN evidence AS e
    WHERE h.opened_record_id <= e.record_until
    UNION ALL
    SELECT h.source_id, h.package_id, h.blob_id,
           h.size_bytes, h.shared, 1 AS hidden,
           GREATEST(h.held_from, c.clip_from) AS held_from, LEAST(h.held_until, c.clip_until) AS held_until
    FROM hidden_holdings AS h
    CROSS JOIN clip AS c
)
SELECT c.source_id, c.package_id, c.blob_id, c.size_bytes,
       c.shared, c.hidden, c.held_from, c.held_until
FROM clipped AS c
WHERE c.held_from < c.held_until;
