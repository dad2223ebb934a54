-- One row per workspace, state, number of carriers and day: by how many bytes what is stored grows on that day, and how
-- many byte-seconds of the day itself that makes. Both are still to be divided by the carriers; where all that carry a
-- blob are in one state, that is 1. Days are counted from 1970-01-01.
CREATE OR REPLACE TEMP VIEW stored_changes AS
WITH steps AS (
    SELECT s.period_id, s.blob_id, s.size_bytes, t.workspace_id, t.state, s.charged,
           unnest([s.held_from, s.held_until]) AS boundary, unnest([1, -1]) AS step
    FROM shared_holdings AS s
    JOIN package_states AS t ON t.interval_id = s.interval_id
),
steps_at AS (
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
),
-- How many hold a shared blob from a boundary on: by state, all of them, and those charged (RULES, section 4).
state_boundaries AS (
    SELECT c.period_id, c.blob_id, c.size_bytes, c.workspace_id, c.boundary AS held_from,
           lead(c.boundary) OVER in_order AS held_until,
           sum(c.live) OVER in_order AS live, sum(c.repository_deleted) OVER in_order AS repository_deleted,
           sum(c.workspace_deleted) OVER in_order AS workspace_deleted, sum(c.package_deleted) OVER in_order AS package_deleted,
           sum(c.expired) OVER in_order AS expired, sum(c.charged) OVER in_order AS charged, sum(c.holders) OVER in_order AS holders
    FROM steps_at AS c
    WINDOW in_order AS (PARTITION BY c.period_id, c.blob_id ORDER BY c.boundary)
),
unshared AS (
    SELECT s.workspace_id, s.state, 1 AS carriers, h.size_bytes::HUGEINT AS size_bytes,
           greatest(h.held_from, s.state_from) AS held_from, least(h.held_until, s.state_until) AS held_until
    FROM held_blobs AS h
    JOIN package_states AS s
        ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
    JOIN periods AS p ON p.period_id = s.period_id
    WHERE NOT h.shared OR p.share = 'package'
),
by_state AS (
    SELECT b.workspace_id, b.period_id, b.size_bytes, b.held_from, b.held_until,
           unnest(['live', 'repository_deleted', 'workspace_deleted', 'package_deleted', 'expired']) AS state,
           unnest([b.live, b.repository_deleted, b.workspace_deleted, b.package_deleted, b.expired]) AS held,
           b.charged, b.holders
    FROM state_boundaries AS b
    WHERE b.holders > 0
),
shared AS (
    SELECT b.workspace_id, b.state, b.held, CASE WHEN b.charged > 0 THEN b.charged ELSE b.holders END AS carriers,
           b.size_bytes, b.held_from, b.held_until
    FROM by_state AS b
    JOIN periods AS p ON p.period_id = b.period_id
    LEFT JOIN charged_states AS c ON c.period_id = b.period_id AND c.state = b.state
    WHERE p.share = 'workspace' AND b.held > 0 AND (c.state IS NOT NULL OR coalesce(b.charged, 0) = 0)
),
stored AS (
    SELECT u.* FROM unshared AS u
    UNION ALL
    SELECT s.workspace_id, s.state, CASE WHEN s.held = s.carriers THEN 1 ELSE s.carriers END,
           s.size_bytes::HUGEINT * CASE WHEN s.held = s.carriers THEN 1 ELSE s.held END, s.held_from, s.held_until
    FROM shared AS s
),
changes AS (
    SELECT s.workspace_id, s.state, s.carriers, unnest([s.held_from, s.held_until]) AS changed_at,
           unnest([s.size_bytes, -s.size_bytes]) AS size_bytes
    FROM (
        SELECT s.workspace_id, s.state, s.carriers, s.held_from, s.held_until, sum(s.size_bytes)::HUGEINT AS size_bytes
        FROM stored AS s
        GROUP BY s.workspace_id, s.state, s.carriers, s.held_from, s.held_until
    ) AS s
)
SELECT c.workspace_id, c.state, c.carriers, c.changed_at // 86400 AS day, sum(c.size_bytes)::HUGEINT AS size_bytes,
       sum(c.size_bytes * (86400 - c.changed_at % 86400))::HUGEINT AS byte_seconds
FROM changes AS c
GROUP BY c.workspace_id, c.state, c.carriers, day;
