-- One row per package that held something in one of two months (relation `compared_seconds`: held_seconds by month, the
-- first 0, the second 1): the bytes that came and that went, as means over the metered time, times the seconds of both.
CREATE OR REPLACE TEMP VIEW changed_content AS
WITH metered AS (
    SELECT max(m.seconds) FILTER (m.month = 0) AS before, max(m.seconds) FILTER (m.month = 1) AS after
    FROM compared_months AS m
),
blobs AS (
    SELECT c.package_id, c.blob_id, c.size_bytes,
           coalesce(sum(c.seconds) FILTER (c.month = 1), 0) * m.before
           - coalesce(sum(c.seconds) FILTER (c.month = 0), 0) * m.after AS change
    FROM compared_seconds AS c
    CROSS JOIN metered AS m
    GROUP BY c.package_id, c.blob_id, c.size_bytes, m.before, m.after
)
SELECT b.package_id,
       sum(b.size_bytes::DECIMAL(19, 0) * greatest(b.change, 0)::DECIMAL(15, 0)) AS came,
       sum(b.size_bytes::DECIMAL(19, 0) * greatest(-b.change, 0)::DECIMAL(15, 0)) AS went
FROM blobs AS b
GROUP BY b.package_id;
