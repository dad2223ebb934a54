-- One row per digest of a workspace that stands in the ledger twice with one size, or of which it says wrongly whether it
-- has several sizes (RULES, section 1).
SELECT workspace_id, digest, count(*) AS blobs, count(DISTINCT size_bytes) AS sizes
FROM blobs
GROUP BY workspace_id, digest
HAVING count(*) > count(DISTINCT size_bytes) OR count(*) FILTER (resized) <> CASE WHEN count(*) > 1 THEN count(*) ELSE 0 END;
