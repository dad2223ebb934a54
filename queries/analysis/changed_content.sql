-- One row per package and step from one month to the next (relation `compared_seconds`: held_seconds by month, numbered
-- from 0; a step has the number of its first month): the bytes that came and that went, as means over the metered time,
-- times the seconds of both months.
CREATE OR REPLACE TEMP VIEW changed_content AS
WITH metered AS (
    SELECT b.month AS step, b.seconds AS before, a.seconds AS after
    FROM compared_months AS b
    JOIN compared_months AS a ON a.month = b.month + 1
),
sides AS (
    SELECT c.package_id, c.blob_id, c.size_bytes, unnest([c.month, c.month - 1]) AS step,
           unnest([c.seconds, 0]) AS before, unnest([0, c.seconds]) AS after
    FROM compared_seconds AS c
),
blobs AS (
    SELECT s.step, s.package_id, s.blob_id, s.size_bytes, sum(s.after) * m.before - sum(s.before) * m.after AS change
    FROM sides AS s
    JOIN metered AS m ON m.step = s.step
    GROUP BY s.step, s.package_id, s.blob_id, s.size_bytes, m.before, m.after
)
SELECT b.step, b.package_id,
       sum(b.size_bytes::DECIMAL(19, 0) * greatest(b.change, 0)::DECIMAL(15, 0)) AS came,
       sum(b.size_bytes::DECIMAL(19, 0) * greatest(-b.change, 0)::DECIMAL(15, 0)) AS went
FROM blobs AS b
GROUP BY b.step, b.package_id;
