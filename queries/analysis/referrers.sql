-- One row per version that hangs on a manifest and version of the workspace that holds that one, as its own or below an
-- index. A version without a row hangs on nothing, or on what is stored no more.
CREATE OR REPLACE TEMP TABLE referrers AS
SELECT DISTINCT v.package_id, v.version_id, r.version_id AS holder_id
FROM present_versions AS v
JOIN blobs AS b ON left(b.digest, 71) = v.subject
JOIN packages AS p ON p.package_id = v.package_id AND p.workspace_id = b.workspace_id
JOIN reference_intervals AS r ON r.blob_id = b.blob_id AND r.valid_until IS NULL AND r.version_id <> v.version_id;
