-- One row per reference that no holding of its package covers, and per holding that does not begin or end with a reference,
-- or that two successive snapshots do not part from the one before it (RULES, section 2).
WITH reference AS (
    SELECT r.source_id, v.package_id, r.blob_id, r.valid_from,
           coalesce(r.valid_until, 9223372036854775807) AS valid_until
    FROM reference_intervals AS r
    JOIN versions AS v ON v.version_id = r.version_id
),
held AS (
    SELECT source_id, package_id, blob_id, valid_from, first_seen_at,
           coalesce(valid_until, 9223372036854775807) AS valid_until,
           lag(valid_until) OVER (PARTITION BY source_id, package_id, blob_id ORDER BY first_seen_at) AS until_before
    FROM holdings
),
taken AS (
    SELECT source_id, taken_at, lead(taken_at) OVER (PARTITION BY source_id ORDER BY taken_at) AS next_at FROM snapshots
)
SELECT 'no holding covers the reference' AS what, r.source_id, r.package_id, r.blob_id, r.valid_from, r.valid_until
FROM reference AS r
ANTI JOIN held AS h
    ON h.source_id = r.source_id AND h.package_id = r.package_id AND h.blob_id = r.blob_id
    AND h.valid_from <= r.valid_from AND r.valid_until <= h.valid_until
UNION ALL
SELECT 'no reference begins with the holding', h.source_id, h.package_id, h.blob_id, h.valid_from, h.valid_until
FROM held AS h
ANTI JOIN reference AS r
    ON r.source_id = h.source_id AND r.package_id = h.package_id AND r.blob_id = h.blob_id AND r.valid_from = h.valid_from
UNION ALL
SELECT 'no reference ends with the holding', h.source_id, h.package_id, h.blob_id, h.valid_from, h.valid_until
FROM held AS h
ANTI JOIN reference AS r
    ON r.source_id = h.source_id AND r.package_id = h.package_id AND r.blob_id = h.blob_id AND r.valid_until = h.valid_until
UNION ALL
SELECT 'no snapshot parts it from the one before', h.source_id, h.package_id, h.blob_id, h.valid_from, h.valid_until
FROM held AS h
JOIN taken AS t ON t.source_id = h.source_id AND t.taken_at = h.until_before
WHERE h.first_seen_at <= t.next_at;
