-- One row per set of pieces of advice that frees something: the bytes of blobs to which no version of a charged package
-- refers any more when the versions of all these pieces are gone, and some does while one of the pieces is left. A set of
-- one piece is what that frees alone. A version that several pieces would delete counts for the first of them in a set.
CREATE OR REPLACE TEMP TABLE freed_bytes AS
WITH alone AS (
    SELECT [d.piece_id] AS pieces, c.blob_id, c.carrier
    FROM proposed_versions AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY d.piece_id, c.blob_id, c.carrier, c.versions
    HAVING count(*) = c.versions
),
all_gone AS (
    SELECT list(DISTINCT d.piece_id ORDER BY d.piece_id) AS pieces, c.blob_id, c.carrier
    FROM (SELECT version_id, min(piece_id) AS piece_id FROM proposed_versions GROUP BY version_id) AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY c.blob_id, c.carrier, c.versions
    HAVING count(*) = c.versions
),
together AS (
    SELECT g.pieces, g.blob_id
    FROM all_gone AS g
    ANTI JOIN alone AS a ON a.blob_id = g.blob_id AND a.carrier IS NOT DISTINCT FROM g.carrier
)
SELECT f.pieces, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM (SELECT pieces, blob_id FROM alone UNION ALL SELECT pieces, blob_id FROM together) AS f
JOIN blobs AS b ON b.blob_id = f.blob_id
GROUP BY f.pieces
HAVING sum(b.size_bytes::HUGEINT) > 0;
