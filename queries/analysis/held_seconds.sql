-- One row per package, blob and line of a bill on which the package held it in the periods: the seconds.
CREATE OR REPLACE TEMP VIEW held_seconds AS
SELECT s.package_id, s.repository, s.state, h.blob_id, h.size_bytes,
       sum(least(h.held_until, s.state_until) - greatest(h.held_from, s.state_from))::BIGINT AS seconds
FROM held_blobs AS h
JOIN package_states AS s
    ON s.package_id = h.package_id AND s.state_from < h.held_until AND h.held_from < s.state_until
GROUP BY ALL;
