-- One row per piece of advice that frees something: the bytes of blobs to which no version of a charged package refers any
-- more when the versions of that advice are gone. Where each package carries its blobs whole, its own versions alone count.
CREATE OR REPLACE TEMP VIEW freed_bytes AS
WITH present AS (
    SELECT DISTINCT r.version_id, r.blob_id, CASE WHEN t.share = 'package' THEN p.package_id END AS carrier
    FROM reference_intervals AS r
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN present_packages AS p ON p.package_id = v.package_id AND p.charged
    CROSS JOIN periods AS t
    WHERE r.valid_until IS NULL
),
referring AS (
    SELECT blob_id, carrier, count(*) AS versions FROM present GROUP BY blob_id, carrier
),
going AS (
    SELECT d.kind, d.package_id, p.blob_id, p.carrier, count(*) AS versions
    FROM doomed_versions AS d
    JOIN present AS p ON p.version_id = d.version_id
    GROUP BY d.kind, d.package_id, p.blob_id, p.carrier
)
SELECT g.kind, g.package_id, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM going AS g
JOIN referring AS r
    ON r.blob_id = g.blob_id AND r.carrier IS NOT DISTINCT FROM g.carrier AND r.versions = g.versions
JOIN blobs AS b ON b.blob_id = g.blob_id
GROUP BY g.kind, g.package_id;
