-- One row per set of items of advice that frees something: the bytes of blobs to which no version of a charged package
-- refers any more when the versions of all these items are gone, and some does while one of the items is left. A set of
-- one item is what that frees alone. A version that several items would delete counts for the first of them in a set.
CREATE OR REPLACE TEMP TABLE freed_bytes AS
WITH alone AS (
    SELECT [d.item_id] AS items, c.blob_id, c.carrier
    FROM proposed_versions AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY d.item_id, c.blob_id, c.carrier, c.versions
    HAVING count(*) = c.versions
),
all_gone AS (
    SELECT list(DISTINCT d.item_id ORDER BY d.item_id) AS items, c.blob_id, c.carrier
    FROM (SELECT version_id, min(item_id) AS item_id FROM proposed_versions GROUP BY version_id) AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY c.blob_id, c.carrier, c.versions
    HAVING count(*) = c.versions
),
together AS (
    SELECT g.items, g.blob_id
    FROM all_gone AS g
    ANTI JOIN alone AS a ON a.blob_id = g.blob_id AND a.carrier IS NOT DISTINCT FROM g.carrier
)
SELECT f.items, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM (SELECT items, blob_id FROM alone UNION ALL SELECT items, blob_id FROM together) AS f
JOIN blobs AS b ON b.blob_id = f.blob_id
GROUP BY f.items
HAVING sum(b.size_bytes::HUGEINT) > 0;
