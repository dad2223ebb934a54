-- One row per span of a busy blob; what line of a bill its stretch stands for is in `busy_stretches`.
CREATE OR REPLACE TEMP VIEW busy_spans AS
SELECT t.workspace_id AS workspace_id, s.period_id AS period_id, s.blob_id AS blob_id, s.stretch_id AS stretch_id,
       s.charged AS charged, s.size_bytes AS size_bytes, s.span_from AS span_from, s.span_until AS span_until
FROM shared_spans AS s
JOIN busy_blobs AS u ON u.period_id = s.period_id AND u.blob_id = s.blob_id
JOIN package_states AS t ON t.stretch_id = s.stretch_id;
