-- One row per span of a busy blob.
CREATE OR REPLACE TEMP VIEW busy_spans AS
SELECT s.workspace_id AS workspace_id, s.period_id AS period_id, s.blob_id AS blob_id, s.repository AS repository,
       k.format AS format, k.name AS package, s.state AS state, s.charged AS charged, s.size_bytes AS size_bytes,
       s.span_from AS span_from, s.span_until AS span_until
FROM shared_spans AS s
JOIN busy_blobs AS u ON u.period_id = s.period_id AND u.blob_id = s.blob_id
JOIN scope_packages AS k ON k.package_id = s.package_id;
