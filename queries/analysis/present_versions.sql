-- One row per version that live packages hold in the latest snapshots: since when it is known to be what it is, whether it
-- is an untagged manifest (a container version that is named by its digest), what it hangs on (`subject`: the first 71
-- characters of a digest, for a tag has no more of it), and how many versions of its package are newer for certain. What
-- belongs to no version, and the tag that is pulled where none is named, are nobody's old versions; nor is what hangs on
-- another manifest: by its subject, or by a tag in cosign's scheme or in the referrers tag schema (OCI distribution-spec).
-- What a source's first snapshot found was there since its upload. What came later came when that was seen, though its
-- content be older: a tag may be moved back, a manifest lose its tag. Of versions that came at once the upload tells.
CREATE OR REPLACE TEMP TABLE present_versions AS
WITH firsts AS (
    SELECT source_id, min(taken_at) AS first_at FROM snapshots GROUP BY source_id
),
present AS (
    SELECT p.package_id, p.format = 'container' AS is_image, v.version_id, v.name, v.uploaded_at,
           max(CASE WHEN r.valid_from = f.first_at THEN least(r.valid_from, v.uploaded_at) ELSE r.valid_from END) AS since
    FROM reference_intervals AS r
    JOIN firsts AS f ON f.source_id = r.source_id
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN present_packages AS p ON p.package_id = v.package_id
    WHERE r.valid_until IS NULL AND p.state = 'live'
    GROUP BY p.package_id, p.format, v.version_id, v.name, v.uploaded_at
),
described AS (
    SELECT p.*, p.is_image AND regexp_full_match(p.name, 'sha(256|512):[0-9a-f]+') AS is_untagged,
           p.name = '' OR p.is_image AND p.name = 'latest' AS stays,
           CASE WHEN p.is_image THEN left(coalesce(m.subject, replace(nullif(regexp_extract(
               p.name, '^(sha(256|512)-[0-9a-f]{64,128})([.](sig|att|sbom))?$', 1), ''), '-', ':')), 71) END AS subject
    FROM present AS p
    LEFT JOIN manifests AS m ON m.digest = p.name
)
SELECT package_id, version_id, name, since, is_untagged, stays, subject,
       rank() OVER (
           PARTITION BY package_id, is_untagged, stays, subject IS NULL
           ORDER BY since DESC, least(since, uploaded_at) DESC
       ) - 1 AS newer_versions
FROM described;
