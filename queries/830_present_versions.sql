-- One row per version that live packages hold in the latest snapshots: since when it is known to be what it is, whether it
-- is an untagged manifest (a container version that is named by its digest), and how many versions of its package are newer
-- for certain. What belongs to no version, and the tag that is pulled where none is named, are nobody's old versions.
-- What a source's first snapshot found was there since its upload. What came later came when that was seen, though its
-- content be older: a tag may be moved back, a manifest lose its tag. Of versions that came at once the upload tells.
CREATE OR REPLACE TEMP TABLE present_versions AS
WITH firsts AS (
    SELECT source_id, min(taken_at) AS first_at FROM snapshots GROUP BY source_id
),
present AS (
    SELECT p.package_id, v.version_id, v.name, v.uploaded_at,
           max(CASE WHEN r.valid_from = f.first_at THEN least(r.valid_from, v.uploaded_at) ELSE r.valid_from END) AS since,
           p.format = 'container' AND regexp_full_match(v.name, 'sha(256|512):[0-9a-f]+') AS is_untagged,
           v.name = '' OR p.format = 'container' AND v.name = 'latest' AS stays
    FROM reference_intervals AS r
    JOIN firsts AS f ON f.source_id = r.source_id
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN present_packages AS p ON p.package_id = v.package_id
    WHERE r.valid_until IS NULL AND p.state = 'live'
    GROUP BY p.package_id, p.format, v.version_id, v.name, v.uploaded_at
)
SELECT package_id, version_id, name, since, is_untagged, stays,
       rank() OVER (
           PARTITION BY package_id, is_untagged, stays ORDER BY since DESC, least(since, uploaded_at) DESC
       ) - 1 AS newer_versions
FROM present;
