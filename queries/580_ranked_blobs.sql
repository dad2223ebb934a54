-- One row per line and blob of it, with its place: by byte-seconds, the most first. Their quotients are rounded here, for
-- they make an order and no figure; those of busy blobs come from accounting/billing/explaining.py (relation `busy_weights`).
CREATE OR REPLACE TEMP TABLE ranked_blobs AS
WITH weighed AS (
    SELECT p.line_id, p.blob_id, sum(coalesce(w.weight, p.byte_seconds::DOUBLE / p.carriers)) AS weight
    FROM pieces AS p
    LEFT JOIN busy_weights AS w ON w.piece_id = p.piece_id
    GROUP BY p.line_id, p.blob_id
)
SELECT w.line_id, w.blob_id, b.digest, b.size_bytes,
       row_number() OVER (PARTITION BY w.line_id ORDER BY w.weight DESC, b.digest) AS place
FROM weighed AS w
JOIN blobs AS b ON b.blob_id = w.blob_id;
