-- One row per stretch in which a package in one state held a blob that several packages have held.
CREATE OR REPLACE TEMP TABLE shared_spans AS
SELECT s.period_id AS period_id, h.blob_id AS blob_id, s.stretch_id AS stretch_id, s.charged AS charged,
       h.size_bytes AS size_bytes,
       GREATEST(h.held_from, s.state_from) AS span_from, LEAST(h.held_until, s.state_until) AS span_until
FROM held_blobs AS h
JOIN package_states AS s
    ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
WHERE h.shared;
