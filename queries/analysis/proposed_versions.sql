-- One row per item of advice and version that goes with it: those that it is about, and what hangs on these and on nothing
-- that stays (`goes_along`), whatever hangs on that in turn.
CREATE OR REPLACE TEMP TABLE proposed_versions AS
WITH RECURSIVE touched AS (
    SELECT a.item_id, a.package_id, r.version_id
    FROM advised_versions AS a
    JOIN referrers AS r ON r.holder_id = a.version_id AND r.package_id = a.package_id
    UNION
    SELECT t.item_id, t.package_id, r.version_id
    FROM touched AS t
    JOIN referrers AS r ON r.holder_id = t.version_id AND r.package_id = t.package_id
),
goes AS (
    SELECT item_id, version_id FROM advised_versions UNION SELECT item_id, version_id FROM touched
),
staying AS (
    SELECT t.item_id, t.version_id
    FROM touched AS t
    JOIN referrers AS r ON r.version_id = t.version_id
    ANTI JOIN goes AS g ON g.item_id = t.item_id AND g.version_id = r.holder_id
    UNION
    SELECT t.item_id, t.version_id
    FROM staying AS s
    JOIN referrers AS r ON r.holder_id = s.version_id
    JOIN touched AS t ON t.item_id = s.item_id AND t.version_id = r.version_id
)
SELECT item_id, version_id, false AS goes_along FROM advised_versions
UNION ALL
SELECT t.item_id, t.version_id, true
FROM touched AS t
ANTI JOIN staying AS s ON s.item_id = t.item_id AND s.version_id = t.version_id
ANTI JOIN advised_versions AS a ON a.item_id = t.item_id AND a.version_id = t.version_id;
