-- One row per version that a piece of advice would delete: of one kind in one package (relation `advice_asked`: how many
-- versions to keep, and how old an untagged manifest has to be).
CREATE OR REPLACE TEMP TABLE doomed_versions AS
SELECT 'untagged' AS kind, v.package_id, v.version_id, v.name, v.since
FROM present_versions AS v
JOIN advice_asked AS a ON v.since <= a.untagged_before
WHERE v.is_untagged
UNION ALL
SELECT 'old_versions', v.package_id, v.version_id, v.name, v.since
FROM present_versions AS v
JOIN advice_asked AS a ON v.newer_versions >= a.kept_versions
WHERE NOT v.is_untagged AND NOT v.stays
UNION ALL
SELECT 'copies', v.package_id, v.version_id, v.name, v.since
FROM present_versions AS v
JOIN copied_versions AS c ON c.version_id = v.version_id;
