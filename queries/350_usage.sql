-- One row per workspace, period, line of a bill and number of sharers: exact byte-seconds, still to be divided by the
-- sharers. What busy blobs add is in `busy_spans`.
CREATE OR REPLACE TEMP VIEW usage AS
WITH parts AS (
    SELECT u.period_id AS period_id, u.package_id AS package_id, u.repository AS repository, u.state AS state,
           u.charged AS charged, CAST(u.sharers AS BIGINT) AS sharers, u.byte_seconds AS byte_seconds
    FROM unshared_usage AS u
    UNION ALL
    SELECT u.period_id AS period_id, u.package_id AS package_id, u.repository AS repository, u.state AS state,
           u.charged AS charged, CAST(u.sharers AS BIGINT) AS sharers, u.byte_seconds AS byte_seconds
    FROM shared_usage AS u
)
SELECT k.workspace_id AS workspace_id, p.period_id AS period_id, p.repository AS repository, k.format AS format,
       k.name AS package, p.state AS state, p.charged AS charged, p.sharers AS sharers,
       p.byte_seconds AS byte_seconds
FROM parts AS p
JOIN scope_packages AS k ON k.package_id = p.package_id;
