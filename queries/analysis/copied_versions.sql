-- One row per version of a live package that holds a file which another package held before, or uploaded before where
-- both came at once: the same size, and the same content tag of blobs that are named by their places, where that tag is
-- an MD5 or that of an upload in parts.
CREATE OR REPLACE TEMP TABLE copied_versions AS
WITH files AS (
    SELECT v.package_id, v.version_id, b.content_tag, b.size_bytes, r.valid_from, n.uploaded_at
    FROM reference_intervals AS r
    JOIN blobs AS b ON b.blob_id = r.blob_id
    JOIN present_versions AS v ON v.version_id = r.version_id AND NOT v.stays
    JOIN versions AS n ON n.version_id = v.version_id
    WHERE r.valid_until IS NULL AND b.size_bytes > 0 AND regexp_full_match(b.content_tag, '[0-9a-f]{32}(-[0-9]+)?')
),
ranked AS (
    SELECT f.version_id, f.package_id, first_value(f.package_id) OVER (
               PARTITION BY f.content_tag, f.size_bytes ORDER BY f.valid_from, f.uploaded_at, f.package_id
           ) AS first_package_id
    FROM files AS f
)
SELECT DISTINCT version_id, package_id FROM ranked WHERE package_id <> first_package_id;
