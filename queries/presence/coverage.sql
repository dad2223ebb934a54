-- One row: the instant up to which every active source is known; none without a snapshot (RULES, section 2).
CREATE OR REPLACE TEMP VIEW coverage AS
WITH latest AS (
    SELECT s.source_id, s.retired_at, MAX(n.taken_at) AS taken_at
    FROM sources AS s
    JOIN snapshots AS n ON n.source_id = s.source_id
    GROUP BY s.source_id, s.retired_at
),
reach AS (
    SELECT MIN(CASE WHEN l.retired_at IS NULL THEN l.taken_at END) AS active, MAX(l.taken_at) AS latest
    FROM latest AS l
)
SELECT COALESCE(r.active, r.latest) AS covered_until
FROM reach AS r
WHERE r.latest IS NOT NULL;
