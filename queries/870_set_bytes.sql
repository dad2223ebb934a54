-- One row per set of pieces of advice that is asked for (relation `advised_sets`: its number and each of its pieces): the
-- bytes that are free when all of it is done, those that its pieces free alone among them.
CREATE OR REPLACE TEMP VIEW set_bytes AS
WITH going AS (
    SELECT s.set_id, c.blob_id, c.carrier, count(DISTINCT c.version_id) AS versions
    FROM advised_sets AS s
    JOIN doomed_versions AS d ON d.piece_id = s.piece_id
    JOIN carried_references AS c ON c.version_id = d.version_id
    GROUP BY s.set_id, c.blob_id, c.carrier
),
referring AS (
    SELECT blob_id, carrier, count(*) AS versions FROM carried_references GROUP BY blob_id, carrier
)
SELECT g.set_id, sum(b.size_bytes::HUGEINT) AS size_bytes
FROM going AS g
JOIN referring AS r
    ON r.blob_id = g.blob_id AND r.carrier IS NOT DISTINCT FROM g.carrier AND r.versions = g.versions
JOIN blobs AS b ON b.blob_id = g.blob_id
GROUP BY g.set_id;
