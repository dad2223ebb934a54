-- One row per interval in which a package in one state held a blob that several packages have held.
CREATE OR REPLACE TEMP TABLE shared_holdings AS
SELECT s.period_id, h.blob_id, s.interval_id, s.charged,
       h.size_bytes,
       GREATEST(h.held_from, s.state_from) AS held_from, LEAST(h.held_until, s.state_until) AS held_until
FROM held_blobs AS h
JOIN package_states AS s
    ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
WHERE h.shared;
