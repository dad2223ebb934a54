-- One row per package and blob that a changed reference concerns: whether the package holds the blob no more, and from when
-- on it does where it did not before. A version that takes over from another ends nothing and begins nothing (RULES,
-- section 2). Read when the references are changed already.
CREATE OR REPLACE TEMP TABLE changed_holdings AS
WITH opened AS (
    SELECT v.package_id, o.blob_id, min(o.valid_from) AS valid_from
    FROM opened_references AS o
    JOIN versions AS v ON v.version_id = o.version_id
    GROUP BY v.package_id, o.blob_id
),
closed AS (
    SELECT DISTINCT v.package_id, d.closed_blob_id AS blob_id
    FROM differences AS d
    JOIN versions AS v ON v.version_id = d.closed_version_id
),
kept AS (
    SELECT DISTINCT v.package_id, r.blob_id
    FROM reference_intervals AS r
    JOIN merged AS m ON m.source_id = r.source_id
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN closed AS c ON c.package_id = v.package_id AND c.blob_id = r.blob_id
    WHERE r.valid_until IS NULL
),
held AS (
    SELECT h.package_id, h.blob_id
    FROM holdings AS h
    JOIN merged AS m ON m.source_id = h.source_id
    WHERE h.valid_until IS NULL
)
SELECT coalesce(o.package_id, c.package_id) AS package_id, coalesce(o.blob_id, c.blob_id) AS blob_id,
       c.blob_id IS NOT NULL AND k.blob_id IS NULL AS is_closed,
       CASE WHEN h.blob_id IS NULL THEN o.valid_from END AS opened_from
FROM opened AS o
FULL JOIN closed AS c ON c.package_id = o.package_id AND c.blob_id = o.blob_id
LEFT JOIN kept AS k ON k.package_id = c.package_id AND k.blob_id = c.blob_id
LEFT JOIN held AS h ON h.package_id = o.package_id AND h.blob_id = o.blob_id;
