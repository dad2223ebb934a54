-- One row per interval of a package in one state and number of sharers, with what a bill's line is made of: exact
-- byte-seconds, still to be divided by the sharers. What high-churn blobs add is in `high_churn_holdings`.
CREATE OR REPLACE TEMP VIEW usage AS
WITH parts AS (
    SELECT u.interval_id, CAST(u.sharers AS BIGINT) AS sharers, u.byte_seconds
    FROM unshared_usage AS u
    UNION ALL
    SELECT u.interval_id, CAST(u.sharers AS BIGINT) AS sharers, u.byte_seconds
    FROM shared_usage AS u
)
SELECT s.workspace_id, s.period_id, s.repository, k.format,
       k.name AS package, s.state, s.charged, p.sharers,
       p.byte_seconds
FROM parts AS p
JOIN package_states AS s ON s.interval_id = p.interval_id
JOIN scope_packages AS k ON k.package_id = s.package_id;
