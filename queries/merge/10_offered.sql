-- One row per row of the snapshot offered (`offered_rows`), with the ids of what the ledger knows by name.
CREATE OR REPLACE TEMP TABLE offered AS
WITH found AS (
    SELECT o.*, w.workspace_id, v.version_id, b.blob_id, b.size_bytes AS known_size_bytes,
           b.content_tag AS known_content_tag
    FROM offered_rows AS o
    LEFT JOIN workspaces AS w ON w.name = o.workspace
    LEFT JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
    LEFT JOIN versions AS v ON v.package_id = p.package_id AND v.name = o.version
    LEFT JOIN blobs AS b ON b.workspace_id = w.workspace_id AND b.digest = o.digest
)
SELECT version_id, blob_id, uploaded_at, size_bytes,
       -- Names are kept only where something about the row is new: the rest is the ids alone.
       CASE WHEN is_new THEN workspace END AS workspace, CASE WHEN is_new THEN format END AS format,
       CASE WHEN is_new THEN package END AS package, CASE WHEN is_new THEN version END AS version,
       CASE WHEN is_new OR size_bytes <> known_size_bytes THEN digest END AS digest,
       CASE WHEN size_bytes <> known_size_bytes THEN known_size_bytes END AS other_size_bytes,
       CASE WHEN is_new OR content_tag IS DISTINCT FROM known_content_tag THEN content_tag END AS content_tag,
       problem IS NOT NULL AS has_problem
FROM (SELECT *, version_id IS NULL OR blob_id IS NULL AS is_new FROM found);
