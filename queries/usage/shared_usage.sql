-- One row per interval of a package in one state and number of sharers: byte-seconds before they are divided by the
-- sharers, who are the carriers of a blob (RULES, section 4).
CREATE OR REPLACE TEMP VIEW shared_usage AS
SELECT s.interval_id, g.carriers AS sharers,
       SUM(CAST(s.size_bytes AS DECIMAL(19, 0)) * CAST(
           LEAST(s.held_until, g.shared_until) - GREATEST(s.held_from, g.shared_from) AS DECIMAL(10, 0)
       )) AS byte_seconds
FROM shared_holdings AS s
JOIN periods AS p ON p.period_id = s.period_id
JOIN sharing_intervals AS g
    ON g.period_id = s.period_id AND g.blob_id = s.blob_id
    AND g.shared_from < s.held_until AND s.held_from < g.shared_until
WHERE p.share = 'workspace' AND NOT g.high_churn AND (s.charged = 1 OR g.charged_holders = 0)
GROUP BY s.interval_id, g.carriers
UNION ALL
SELECT s.interval_id, 1 AS sharers,
       SUM(CAST(s.size_bytes AS DECIMAL(19, 0)) * CAST(s.held_until - s.held_from AS DECIMAL(10, 0))) AS byte_seconds
FROM shared_holdings AS s
JOIN periods AS p ON p.period_id = s.period_id
WHERE p.share = 'package'
GROUP BY s.interval_id;
