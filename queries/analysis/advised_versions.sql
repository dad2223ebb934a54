-- One row per item of advice and version that it is about: the old, untagged or copied versions of one package, or all that
-- a deleted repository still holds (relation `advice_asked`: how many versions to keep, and how old an untagged manifest has
-- to be). What hangs on a manifest that is stored is advised by none; nor are signatures by their tags, for they may be
-- kept apart from the images.
CREATE OR REPLACE TEMP TABLE advised_versions AS
WITH advised AS (
    SELECT 'untagged' AS kind, v.package_id, NULL::VARCHAR AS slug, NULL::BOOLEAN AS of_present_repository, v.version_id
    FROM present_versions AS v
    JOIN advice_asked AS a ON v.since <= a.untagged_before
    ANTI JOIN referrers AS r ON r.version_id = v.version_id
    WHERE v.is_untagged
    UNION ALL
    SELECT 'old_versions', v.package_id, NULL, NULL, v.version_id
    FROM present_versions AS v
    JOIN advice_asked AS a ON v.newer_versions >= a.kept_versions
    WHERE NOT v.is_untagged AND NOT v.stays AND v.subject IS NULL
    UNION ALL
    SELECT 'copies', v.package_id, NULL, NULL, v.version_id
    FROM present_versions AS v
    JOIN copied_versions AS c ON c.version_id = v.version_id
    UNION ALL
    SELECT 'deleted_repository', NULL, p.slug, p.of_present_repository, v.version_id
    FROM present_packages AS p
    JOIN versions AS v ON v.package_id = p.package_id
    WHERE p.state = 'repository_deleted' AND p.charged AND p.slug IS NOT NULL
)
SELECT dense_rank() OVER (ORDER BY kind, package_id, slug, of_present_repository) AS item_id, *
FROM advised;
