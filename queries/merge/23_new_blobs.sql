-- One row per blob that the snapshot names and the ledger does not know, ids in the order of packages. `known_size_bytes` is
-- the size of a blob with the same digest that the ledger does know (RULES, section 1: it is another blob).
CREATE OR REPLACE TEMP TABLE new_blobs AS
WITH named AS (
    SELECT w.workspace_id, o.digest, o.size_bytes, min(p.package_id) AS package_id, max(o.content_tag) AS content_tag
    FROM offered AS o
    JOIN workspaces AS w ON w.name = o.workspace
    JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
    WHERE o.blob_id IS NULL
    GROUP BY w.workspace_id, o.digest, o.size_bytes
),
known AS (
    SELECT b.workspace_id, b.digest, max(b.size_bytes) AS size_bytes
    FROM blobs AS b
    SEMI JOIN named AS n ON n.workspace_id = b.workspace_id AND n.digest = b.digest
    GROUP BY b.workspace_id, b.digest
)
SELECT (SELECT coalesce(max(blob_id), 0) FROM blobs)
           + row_number() OVER (ORDER BY n.package_id, n.digest, n.size_bytes) AS blob_id,
       n.workspace_id, n.digest, n.size_bytes, k.size_bytes AS known_size_bytes, n.content_tag
FROM named AS n
LEFT JOIN known AS k ON k.workspace_id = n.workspace_id AND k.digest = n.digest;
