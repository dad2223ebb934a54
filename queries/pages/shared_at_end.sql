-- One row per package, number of holders and number of charged holders: the bytes of the shared blobs that it holds in the
-- last second of the periods and that so many packages hold then, itself among them.
CREATE OR REPLACE TEMP VIEW shared_at_end AS
WITH held AS (
    SELECT h.package_id, h.blob_id, h.size_bytes,
           count(*) OVER (PARTITION BY h.blob_id) AS holders,
           sum(k.charged) OVER (PARTITION BY h.blob_id) AS charged_holders
    FROM held_blobs AS h
    JOIN packages_at_end AS k ON k.package_id = h.package_id
    WHERE h.shared AND h.held_until = (SELECT max(p.period_until) FROM periods AS p)
)
SELECT h.package_id, h.holders, h.charged_holders, sum(h.size_bytes)::HUGEINT AS size_bytes
FROM held AS h
GROUP BY h.package_id, h.holders, h.charged_holders;
