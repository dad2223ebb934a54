-- One row per digest of a workspace that stands in the ledger more than once (RULES, section 1).
SELECT workspace_id, digest, count(*) AS blobs, min(size_bytes) AS size_bytes, max(size_bytes) AS other_size_bytes
FROM blobs
GROUP BY workspace_id, digest
HAVING count(*) > 1;
