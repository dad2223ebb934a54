-- One row per digest of a workspace to which one snapshot gives two sizes. Of rows that bring nothing new only those are
-- compared whose digest has another size somewhere.
CREATE OR REPLACE TEMP VIEW two_sizes AS
WITH in_doubt AS (
    SELECT o.workspace, o.digest, o.size_bytes FROM offered AS o WHERE o.digest IS NOT NULL
    UNION ALL
    SELECT w.name, b.digest, b.size_bytes
    FROM new_blobs AS n
    JOIN blobs AS b ON b.workspace_id = n.workspace_id AND b.digest = n.digest
    JOIN workspaces AS w ON w.workspace_id = b.workspace_id
    SEMI JOIN offered AS o ON o.blob_id = b.blob_id
    WHERE n.known_size_bytes IS NOT NULL
)
SELECT workspace, digest, min(size_bytes) AS size_bytes, max(size_bytes) AS other_size_bytes
FROM in_doubt
GROUP BY workspace, digest
HAVING min(size_bytes) <> max(size_bytes);
