-- One row per stretch in which a package in one state held a blob that several packages have held.
CREATE OR REPLACE TEMP TABLE shared_spans AS
SELECT s.period_id AS period_id, s.workspace_id AS workspace_id, h.blob_id AS blob_id, s.package_id AS package_id,
       s.repository AS repository, s.state AS state, s.charged AS charged, b.size_bytes AS size_bytes,
       GREATEST(h.held_from, s.state_from) AS span_from, LEAST(h.held_until, s.state_until) AS span_until
FROM held_blobs AS h
JOIN blobs AS b ON b.blob_id = h.blob_id
JOIN package_states AS s
    ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
WHERE b.shared;
