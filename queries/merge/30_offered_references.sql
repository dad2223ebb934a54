-- One row per row of the snapshot offered, by the ids that it has now.
CREATE OR REPLACE TEMP VIEW offered_references AS
SELECT o.version_id, o.blob_id, o.uploaded_at
FROM offered AS o
WHERE o.version_id IS NOT NULL AND o.blob_id IS NOT NULL
UNION ALL
SELECT v.version_id, b.blob_id, o.uploaded_at
FROM offered AS o
JOIN workspaces AS w ON w.name = o.workspace
JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
JOIN versions AS v ON v.package_id = p.package_id AND v.name = o.version
JOIN blobs AS b ON b.workspace_id = w.workspace_id AND b.digest = o.digest AND b.size_bytes = o.size_bytes
WHERE o.version_id IS NULL OR o.blob_id IS NULL;
