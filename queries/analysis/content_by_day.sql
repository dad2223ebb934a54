-- One row per day, counted from the start of the periods, on which the bytes change that packages hold in intervals that
-- count (relation `counted_intervals`): by how many they grow on that day, and how many byte-seconds of the day itself
-- that makes. A blob that several packages hold then counts once, where it is shared by the workspace.
CREATE OR REPLACE TEMP VIEW content_by_day AS
WITH held AS (
    SELECT h.blob_id, h.size_bytes, h.shared AND c.share = 'workspace' AS shared,
           greatest(h.held_from, c.counted_from) AS held_from, least(h.held_until, c.counted_until) AS held_until
    FROM held_blobs AS h
    JOIN counted_intervals AS c
        ON c.package_id = h.package_id AND c.counted_from < h.held_until AND h.held_from < c.counted_until
),
steps AS (
    SELECT h.blob_id, h.size_bytes, h.shared, unnest([h.held_from, h.held_until]) AS changed_at, unnest([1, -1]) AS step
    FROM held AS h
),
holders AS (
    SELECT s.size_bytes, s.changed_at, sum(s.step) AS step,
           sum(sum(s.step)) OVER (PARTITION BY s.blob_id ORDER BY s.changed_at) AS holders
    FROM steps AS s
    WHERE s.shared
    GROUP BY s.blob_id, s.size_bytes, s.changed_at
),
changes AS (
    SELECT s.changed_at, sum(s.step * s.size_bytes::HUGEINT) AS size_bytes
    FROM steps AS s
    WHERE NOT s.shared
    GROUP BY s.changed_at
    UNION ALL
    SELECT h.changed_at,
           CASE WHEN h.holders = 0 THEN -h.size_bytes WHEN h.holders = h.step THEN h.size_bytes ELSE 0 END
    FROM holders AS h
    WHERE h.step <> 0
)
SELECT (c.changed_at - b.first) // 86400 AS day, sum(c.size_bytes)::HUGEINT AS size_bytes,
       sum(c.size_bytes * (86400 - (c.changed_at - b.first) % 86400))::HUGEINT AS byte_seconds
FROM changes AS c
CROSS JOIN (SELECT min(p.period_from) AS first FROM periods AS p) AS b
GROUP BY day;
