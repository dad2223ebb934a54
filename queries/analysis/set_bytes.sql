-- One row per set of items of advice that is asked for (relation `advised_sets`, as `freed_bytes` has it: the bytes that
-- none of its items frees alone): all the bytes that are free when the whole set is done.
CREATE OR REPLACE TEMP VIEW set_bytes AS
WITH members AS (
    SELECT s.items, unnest(s.items) AS item_id FROM advised_sets AS s
),
freed AS (
    SELECT m.items, c.blob_id
    FROM members AS m
    JOIN proposed_versions AS d ON d.item_id = m.item_id
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY m.items, c.blob_id, c.carrier, c.versions
    HAVING count(DISTINCT c.version_id) = c.versions
)
SELECT s.items, s.size_bytes AS joint_bytes, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM advised_sets AS s
JOIN freed AS f ON f.items = s.items
JOIN blobs AS b ON b.blob_id = f.blob_id
GROUP BY s.items, s.size_bytes;
