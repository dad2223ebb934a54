-- One row per unbroken presence of a blob in a package in the periods, whichever source saw it (RULES, section 2).
CREATE OR REPLACE TEMP VIEW held_blobs AS
WITH twice_seen AS (
    SELECT h.package_id, h.blob_id, h.size_bytes, h.shared,
           h.held_from, h.held_until,
           MAX(h.held_until) OVER (
               PARTITION BY h.package_id, h.blob_id ORDER BY h.held_from, h.held_until
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS held_before
    FROM scope_holdings AS h
    JOIN twice_seen_packages AS t ON t.package_id = h.package_id
),
islands AS (
    SELECT t.package_id, t.blob_id, t.size_bytes, t.shared,
           t.held_from, t.held_until,
           SUM(CASE WHEN t.held_before >= t.held_from THEN 0 ELSE 1 END) OVER (
               PARTITION BY t.package_id, t.blob_id ORDER BY t.held_from, t.held_until
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS island
    FROM twice_seen AS t
)
SELECT h.package_id, h.blob_id, h.size_bytes, h.shared,
       h.held_from, h.held_until
FROM scope_holdings AS h
LEFT JOIN twice_seen_packages AS t ON t.package_id = h.package_id
WHERE t.package_id IS NULL
UNION ALL
SELECT i.package_id, i.blob_id, i.size_bytes, i.shared,
       MIN(i.held_from) AS held_from, MAX(i.held_until) AS held_until
FROM islands AS i
GROUP BY i.package_id, i.blob_id, i.size_bytes, i.shared, i.island;
