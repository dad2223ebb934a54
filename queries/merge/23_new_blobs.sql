-- One row per blob that the snapshot names and the ledger does not know, ids in the order of packages; the sizes
-- that the snapshot gives differ where it is wrong.
CREATE OR REPLACE TEMP TABLE new_blobs AS
WITH named AS (
    SELECT w.workspace_id, o.digest, min(p.package_id) AS package_id, min(o.size_bytes) AS size_bytes,
           max(o.size_bytes) AS other_size_bytes, max(o.content_tag) AS content_tag
    FROM offered AS o
    JOIN workspaces AS w ON w.name = o.workspace
    JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
    WHERE o.blob_id IS NULL
    GROUP BY w.workspace_id, o.digest
)
SELECT (SELECT coalesce(max(blob_id), 0) FROM blobs)
           + row_number() OVER (ORDER BY n.package_id, n.digest) AS blob_id,
       n.workspace_id, n.digest, n.size_bytes, n.other_size_bytes, n.content_tag
FROM named AS n;
