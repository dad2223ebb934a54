-- One row per line and blob of it, with its place: by byte-seconds, the most first. Their quotients are rounded here, for
-- they make an order and no figure; those of high-churn blobs come from accounting/explaining/explaining.py (relation `high_churn_weights`).
CREATE OR REPLACE TEMP TABLE ranked_blobs AS
WITH weighed AS (
    SELECT p.line_id, p.blob_id, sum(coalesce(w.weight, p.byte_seconds::DOUBLE / p.carriers)) AS weight
    FROM allocations AS p
    LEFT JOIN high_churn_weights AS w ON w.allocation_id = p.allocation_id
    GROUP BY p.line_id, p.blob_id
)
SELECT w.line_id, w.blob_id, b.digest, b.size_bytes,
       row_number() OVER (PARTITION BY w.line_id ORDER BY w.weight DESC, b.digest) AS place
FROM weighed AS w
JOIN blobs AS b ON b.blob_id = w.blob_id;
