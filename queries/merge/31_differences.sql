-- One row per reference that only one of two successive snapshots of the source holds: the one before (closed_…) or
-- the one offered (opened_…, once a row that names it).
CREATE OR REPLACE TEMP TABLE differences AS
WITH before AS (
    SELECT r.version_id, r.blob_id
    FROM reference_intervals AS r
    JOIN merged AS m ON m.source_id = r.source_id
    WHERE r.valid_until IS NULL
)
SELECT b.version_id AS closed_version_id, b.blob_id AS closed_blob_id,
       o.version_id AS opened_version_id, o.blob_id AS opened_blob_id, o.uploaded_at
FROM before AS b
FULL JOIN offered_references AS o ON o.version_id = b.version_id AND o.blob_id = b.blob_id
WHERE b.version_id IS NULL OR o.version_id IS NULL;
