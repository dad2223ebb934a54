-- One row per blob that a package takes up now and that several packages have held, now or before.
CREATE OR REPLACE TEMP TABLE newly_shared_blobs AS
WITH taken_up AS (
    SELECT package_id, blob_id FROM changed_holdings WHERE opened_from IS NOT NULL
),
holders AS (
    SELECT package_id, blob_id FROM taken_up
    UNION ALL
    SELECT h.package_id, h.blob_id FROM holdings AS h WHERE h.blob_id IN (SELECT blob_id FROM taken_up)
)
SELECT blob_id FROM holders GROUP BY blob_id HAVING min(package_id) <> max(package_id);
