-- One row per interval in which a package asked for is on one line of the bill, holds a blob, and shares it with the same
-- packages: byte-seconds before they are divided by the sharers, who are none for a high-churn blob (RULES, section 4).
CREATE OR REPLACE TEMP TABLE allocations AS
WITH held AS (
    SELECT l.line_id, l.package_id, l.period_id, l.charged, h.blob_id, h.size_bytes,
           h.shared AND p.share = 'workspace' AS divided,
           greatest(h.held_from, l.state_from) AS held_from, least(h.held_until, l.state_until) AS held_until
    FROM held_blobs AS h
    JOIN line_intervals AS l
        ON l.package_id = h.package_id AND l.state_from < h.held_until AND h.held_from < l.state_until
    JOIN periods AS p ON p.period_id = l.period_id
),
cut AS (
    SELECT h.line_id, h.package_id, h.period_id, h.blob_id, h.size_bytes, h.held_from AS allocated_from,
           h.held_until AS allocated_until, h.charged, true AS carries, 1 AS carriers, NULL::VARCHAR[] AS first_carriers,
           false AS high_churn
    FROM held AS h
    WHERE NOT h.divided
    UNION ALL
    SELECT h.line_id, h.package_id, h.period_id, h.blob_id, h.size_bytes, greatest(h.held_from, g.shared_from),
           least(h.held_until, g.shared_until), h.charged, h.charged >= g.charged OR g.high_churn, g.carriers,
           g.first_carriers, g.high_churn
    FROM held AS h
    JOIN named_sharing_intervals AS g
        ON g.period_id = h.period_id AND g.blob_id = h.blob_id
        AND g.shared_from < h.held_until AND h.held_from < g.shared_until
    WHERE h.divided
)
SELECT row_number() OVER (ORDER BY c.line_id, c.blob_id, c.allocated_from) AS allocation_id, c.*,
       CASE WHEN c.carries THEN
           (c.size_bytes::DECIMAL(19, 0) * (c.allocated_until - c.allocated_from)::DECIMAL(10, 0))::DECIMAL(38, 0)
       ELSE 0 END AS byte_seconds
FROM cut AS c;
