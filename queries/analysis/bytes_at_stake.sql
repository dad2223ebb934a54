-- One row per blob that packages to be deleted (relation `proposed_packages`) hold at the instant asked for, with how many
-- other packages carry a part of it because they are charged: while one does, deleting them saves none of it.
CREATE OR REPLACE TEMP VIEW bytes_at_stake AS
WITH held AS (
    SELECT DISTINCT h.package_id, h.blob_id, h.size_bytes FROM scope_holdings AS h
)
SELECT h.blob_id, any_value(h.size_bytes) AS size_bytes,
       count(*) FILTER (WHERE d.package_id IS NULL AND p.charged AND t.share = 'workspace') AS others
FROM held AS h
JOIN present_packages AS p ON p.package_id = h.package_id
CROSS JOIN periods AS t
LEFT JOIN proposed_packages AS d ON d.package_id = h.package_id
GROUP BY h.blob_id
HAVING count(d.package_id) > 0;
