-- One row per version of a charged package and blob that it refers to in the latest snapshots, or that a deletion hides in
-- them; `carrier` is the package
-- where each package carries its blobs whole, and null where the workspace pays once for each; `versions` is how many refer
-- to the blob of that carrier.
CREATE OR REPLACE TEMP TABLE carried_references AS
WITH referring AS (
    SELECT DISTINCT r.version_id, r.blob_id, CASE WHEN t.share = 'package' THEN p.package_id END AS carrier
    FROM reference_intervals AS r
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN present_packages AS p ON p.package_id = v.package_id AND p.charged
    CROSS JOIN periods AS t
    LEFT JOIN hidden_holdings AS h
        ON h.source_id = r.source_id AND h.package_id = v.package_id AND h.blob_id = r.blob_id
        AND h.held_from = r.valid_until
    WHERE r.valid_until IS NULL OR (h.held_from <= t.period_from AND t.period_from < h.held_until)
)
SELECT *, count(*) OVER (PARTITION BY blob_id, carrier) AS versions FROM referring;
