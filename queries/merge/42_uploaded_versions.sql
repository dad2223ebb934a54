-- One row per version whose upload is another one than the ledger has: the latest of what it refers to now, as the snapshot
-- says. Of versions that stay as they are only those whose upload was unknown. Where another source holds the version too,
-- what that said counts as well. Read when the references are changed already.
CREATE OR REPLACE TEMP TABLE uploaded_versions AS
WITH touched AS (
    SELECT opened_version_id AS version_id FROM differences
    UNION
    SELECT closed_version_id FROM differences
    UNION
    SELECT version_id FROM versions WHERE uploaded_at IS NULL
),
described AS (
    SELECT version_id, max(uploaded_at) AS uploaded_at
    FROM offered_references
    WHERE uploaded_at IS NOT NULL AND version_id IN (SELECT version_id FROM touched)
    GROUP BY version_id
),
elsewhere AS (
    SELECT DISTINCT r.version_id
    FROM reference_intervals AS r
    JOIN merged AS m ON m.source_id <> r.source_id
    WHERE r.valid_until IS NULL AND r.version_id IN (SELECT version_id FROM touched)
),
compared AS (
    SELECT v.version_id, v.uploaded_at AS known_uploaded_at,
           CASE WHEN e.version_id IS NULL THEN t.uploaded_at
                ELSE greatest(t.uploaded_at, v.uploaded_at) END AS uploaded_at
    FROM versions AS v
    JOIN touched AS c ON c.version_id = v.version_id
    LEFT JOIN described AS t ON t.version_id = v.version_id
    LEFT JOIN elsewhere AS e ON e.version_id = v.version_id
)
SELECT version_id, uploaded_at FROM compared WHERE uploaded_at IS DISTINCT FROM known_uploaded_at;
