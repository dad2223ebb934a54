-- One row per row of the snapshot offered (`offered_rows`), with the ids of what the ledger knows by name.
CREATE OR REPLACE TEMP TABLE offered AS
WITH found AS (
    SELECT o.*, w.workspace_id, v.version_id, b.blob_id, b.resized, b.content_tag AS known_content_tag
    FROM offered_rows AS o
    LEFT JOIN workspaces AS w ON w.name = o.workspace
    LEFT JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
    LEFT JOIN versions AS v ON v.package_id = p.package_id AND v.name = o.version
    LEFT JOIN blobs AS b ON b.workspace_id = w.workspace_id AND b.digest = o.digest AND b.size_bytes = o.size_bytes
)
SELECT version_id, blob_id, uploaded_at, size_bytes,
       -- Names are kept only where something about the row is new, or its size in doubt: the rest is the ids alone.
       CASE WHEN is_new OR resized THEN workspace END AS workspace, CASE WHEN is_new THEN format END AS format,
       CASE WHEN is_new THEN package END AS package, CASE WHEN is_new THEN version END AS version,
       CASE WHEN is_new OR resized THEN digest END AS digest,
       CASE WHEN is_new OR content_tag IS DISTINCT FROM known_content_tag THEN content_tag END AS content_tag,
       problem IS NOT NULL AS has_problem
FROM (SELECT *, version_id IS NULL OR blob_id IS NULL AS is_new FROM found);
