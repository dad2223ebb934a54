-- One row per corrected package and other one with which it shared a blob in the month (relation `last_closing`), as it was
-- sealed or as it is known now; of each blob the first few names.
CREATE OR REPLACE TEMP VIEW corrected_sharers AS
WITH held AS (
    SELECT DISTINCT h.blob_id, h.package_id, p.format || '/' || p.name AS package
    FROM holdings AS h
    JOIN corrected_packages AS c ON c.package_id = h.package_id
    JOIN packages AS p ON p.package_id = h.package_id
    CROSS JOIN last_closing AS s
    WHERE h.shared AND h.opened_record_id <= s.record_until AND h.valid_from < s.month_until
        AND (h.valid_until IS NULL OR h.valid_until > s.month_from)
),
first_names AS (
    SELECT h.blob_id, UNNEST(MIN(h.package, 5)) AS package FROM held AS h GROUP BY h.blob_id
)
SELECT DISTINCT h.package_id, n.package AS sharer
FROM held AS h
JOIN first_names AS n ON n.blob_id = h.blob_id
WHERE n.package <> h.package;
