-- One row per stretch of a package in one state and number of sharers: byte-seconds before they are divided by the
-- sharers, who are the charged holders of a blob, or all where none is charged (RULES, section 4).
CREATE OR REPLACE TEMP VIEW shared_usage AS
SELECT s.stretch_id AS stretch_id,
       CASE WHEN g.charged_holders > 0 THEN g.charged_holders ELSE g.holders END AS sharers,
       SUM(CAST(s.size_bytes AS DECIMAL(19, 0)) * CAST(
           LEAST(s.span_until, g.segment_until) - GREATEST(s.span_from, g.segment_from) AS DECIMAL(10, 0)
       )) AS byte_seconds
FROM shared_spans AS s
JOIN periods AS p ON p.period_id = s.period_id
JOIN blob_segments AS g
    ON g.period_id = s.period_id AND g.blob_id = s.blob_id
    AND g.segment_from < s.span_until AND s.span_from < g.segment_until
LEFT JOIN busy_blobs AS u ON u.period_id = s.period_id AND u.blob_id = s.blob_id
WHERE p.share = 'workspace' AND u.blob_id IS NULL AND (s.charged = 1 OR g.charged_holders = 0)
GROUP BY s.stretch_id,
         CASE WHEN g.charged_holders > 0 THEN g.charged_holders ELSE g.holders END
UNION ALL
SELECT s.stretch_id AS stretch_id, 1 AS sharers,
       SUM(CAST(s.size_bytes AS DECIMAL(19, 0)) * CAST(s.span_until - s.span_from AS DECIMAL(10, 0))) AS byte_seconds
FROM shared_spans AS s
JOIN periods AS p ON p.period_id = s.period_id
WHERE p.share = 'package'
GROUP BY s.stretch_id;
