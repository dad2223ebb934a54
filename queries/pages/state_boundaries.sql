-- One row per shared blob and instant at which its holders change: how many hold it from then on, by state, all of them,
-- and those that carry it: the charged ones, or all where none is charged (RULES, section 4).
CREATE OR REPLACE TEMP VIEW state_boundaries AS
WITH steps AS (
    SELECT s.period_id, s.blob_id, s.size_bytes, t.workspace_id, t.state, s.charged,
           unnest([s.held_from, s.held_until]) AS boundary, unnest([1, -1]) AS step
    FROM shared_holdings AS s
    JOIN package_states AS t ON t.interval_id = s.interval_id
),
changes AS (
    SELECT s.period_id, s.blob_id, s.size_bytes, s.workspace_id, s.boundary,
           sum(s.step) FILTER (s.state = 'live') AS live,
           sum(s.step) FILTER (s.state = 'repository_deleted') AS repository_deleted,
           sum(s.step) FILTER (s.state = 'workspace_deleted') AS workspace_deleted,
           sum(s.step) FILTER (s.state = 'package_deleted') AS package_deleted,
           sum(s.step) FILTER (s.state = 'expired') AS expired,
           sum(s.step) FILTER (s.charged = 1) AS charged,
           sum(s.step) AS holders
    FROM steps AS s
    GROUP BY s.period_id, s.blob_id, s.size_bytes, s.workspace_id, s.boundary
)
SELECT c.period_id, c.blob_id, c.size_bytes, c.workspace_id, c.boundary AS held_from,
       lead(c.boundary) OVER in_order AS held_until,
       sum(c.live) OVER in_order AS live, sum(c.repository_deleted) OVER in_order AS repository_deleted,
       sum(c.workspace_deleted) OVER in_order AS workspace_deleted, sum(c.package_deleted) OVER in_order AS package_deleted,
       sum(c.expired) OVER in_order AS expired, sum(c.charged) OVER in_order AS charged, sum(c.holders) OVER in_order AS holders
FROM changes AS c
WINDOW in_order AS (PARTITION BY c.period_id, c.blob_id ORDER BY c.boundary);
