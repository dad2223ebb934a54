-- One row per workspace and source that held something of it in the periods: its snapshots in them, their ends included, as
-- far as the evidence asked for goes, and the pairs of successive ones more than 48 hours apart that reach into the periods.
CREATE OR REPLACE TEMP TABLE period_snapshots AS
WITH clip AS (
    SELECT min(p.period_from) AS clip_from, max(p.period_until) AS clip_until FROM periods AS p
),
known AS (
    SELECT n.source_id, n.taken_at,
           lag(n.taken_at) OVER (PARTITION BY n.source_id ORDER BY n.taken_at) AS taken_before
    FROM snapshots AS n
    CROSS JOIN evidence AS e
    WHERE n.record_id <= e.record_until
),
of_source AS (
    SELECT s.source_id, s.name,
           count(*) FILTER (k.taken_at BETWEEN c.clip_from AND c.clip_until) AS snapshots,
           min(k.taken_at) FILTER (k.taken_at BETWEEN c.clip_from AND c.clip_until) AS first_at,
           max(k.taken_at) FILTER (k.taken_at BETWEEN c.clip_from AND c.clip_until) AS latest_at,
           coalesce(list([k.taken_before, k.taken_at] ORDER BY k.taken_at) FILTER (
               k.taken_at - k.taken_before > 48 * 3600 AND k.taken_before < c.clip_until AND c.clip_from < k.taken_at
           ), []) AS gaps
    FROM known AS k
    JOIN sources AS s ON s.source_id = k.source_id
    CROSS JOIN clip AS c
    GROUP BY s.source_id, s.name
),
held AS (
    SELECT DISTINCT p.workspace_id, h.source_id
    FROM scope_holdings AS h
    JOIN scope_packages AS p ON p.package_id = h.package_id
)
SELECT h.workspace_id, o.name, o.snapshots, o.first_at, o.latest_at, o.gaps
FROM held AS h
JOIN of_source AS o ON o.source_id = h.source_id;
