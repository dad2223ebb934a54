-- One row per interval of a package in one state: the byte-seconds of blobs that only this package ever held.
CREATE OR REPLACE TEMP VIEW unshared_usage AS
WITH stored AS (
    SELECT h.package_id, h.held_from, h.held_until,
           CAST(SUM(CAST(h.size_bytes AS DECIMAL(19, 0))) AS DECIMAL(27, 0)) AS size_bytes
    FROM held_blobs AS h
    WHERE NOT h.shared
    GROUP BY h.package_id, h.held_from, h.held_until
)
SELECT s.interval_id, 1 AS sharers,
       SUM(t.size_bytes * CAST(
           LEAST(t.held_until, s.state_until) - GREATEST(t.held_from, s.state_from) AS DECIMAL(10, 0)
       )) AS byte_seconds
FROM stored AS t
JOIN package_states AS s
    ON s.package_id = t.package_id AND s.state_from < t.held_until AND t.held_from < s.state_until
GROUP BY s.interval_id;
