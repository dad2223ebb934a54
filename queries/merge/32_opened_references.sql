-- One row per reference that the snapshot brings: there since the earliest of those uploads of it that lie between the two
-- snapshots, else since the snapshot (RULES, section 2).
CREATE OR REPLACE TEMP TABLE opened_references AS
SELECT d.opened_version_id AS version_id, d.opened_blob_id AS blob_id,
       coalesce(min(d.uploaded_at) FILTER (d.uploaded_at BETWEEN m.taken_before AND m.taken_at), any_value(m.taken_at))
           AS valid_from
FROM differences AS d
CROSS JOIN merged AS m
WHERE d.opened_version_id IS NOT NULL
GROUP BY d.opened_version_id, d.opened_blob_id;
