-- One row per set of pieces of advice that frees something: the bytes of blobs to which no version of a charged package
-- refers any more when the versions of all these pieces are gone, and some does while one of the pieces is left. A set of
-- one piece is what that frees alone. A version that several pieces would delete counts for the first of them in a set.
CREATE OR REPLACE TEMP TABLE freed_bytes AS
WITH referring AS (
    SELECT blob_id, carrier, count(*) AS versions FROM carried_references GROUP BY blob_id, carrier
),
going AS (
    SELECT d.piece_id, c.blob_id, c.carrier, count(*) AS versions
    FROM doomed_versions AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY d.piece_id, c.blob_id, c.carrier
),
alone AS (
    SELECT [g.piece_id] AS pieces, g.blob_id, g.carrier
    FROM going AS g
    JOIN referring AS r
        ON r.blob_id = g.blob_id AND r.carrier IS NOT DISTINCT FROM g.carrier AND r.versions = g.versions
),
all_going AS (
    SELECT c.blob_id, c.carrier, count(*) AS versions, list(DISTINCT d.piece_id ORDER BY d.piece_id) AS pieces
    FROM (SELECT version_id, min(piece_id) AS piece_id FROM doomed_versions GROUP BY version_id) AS d
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY c.blob_id, c.carrier
),
together AS (
    SELECT g.pieces, g.blob_id, g.carrier
    FROM all_going AS g
    JOIN referring AS r
        ON r.blob_id = g.blob_id AND r.carrier IS NOT DISTINCT FROM g.carrier AND r.versions = g.versions
    ANTI JOIN alone AS a ON a.blob_id = g.blob_id AND a.carrier IS NOT DISTINCT FROM g.carrier
)
SELECT f.pieces, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM (SELECT * FROM alone UNION ALL SELECT * FROM together) AS f
JOIN blobs AS b ON b.blob_id = f.blob_id
GROUP BY f.pieces
HAVING sum(b.size_bytes::HUGEINT) > 0;
