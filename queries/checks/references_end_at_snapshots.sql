-- One row per reference whose presence ends before it begins, or at an instant at which its source saw nothing
-- (RULES, section 2: one in the first of two snapshots alone was there until that one).
SELECT r.source_id, r.version_id, r.blob_id, r.valid_from, r.valid_until
FROM reference_intervals AS r
LEFT JOIN snapshots AS n ON n.source_id = r.source_id AND n.taken_at = r.valid_until
WHERE r.valid_until < r.valid_from OR (r.valid_until IS NOT NULL AND n.taken_at IS NULL);
