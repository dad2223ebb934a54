-- One row per reference that the snapshot brings: there since its upload where that lies between the two snapshots
-- (the earliest that is given), else since the snapshot (RULES, section 2).
CREATE OR REPLACE TEMP TABLE opened_references AS
SELECT d.opened_version_id AS version_id, d.opened_blob_id AS blob_id,
       CASE WHEN min(d.uploaded_at) BETWEEN any_value(m.taken_before) AND any_value(m.taken_at)
            THEN min(d.uploaded_at) ELSE any_value(m.taken_at) END AS valid_from
FROM differences AS d
CROSS JOIN merged AS m
WHERE d.opened_version_id IS NOT NULL
GROUP BY d.opened_version_id, d.opened_blob_id;
