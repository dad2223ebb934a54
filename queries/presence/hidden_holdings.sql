-- One row per interval in which a package holds a blob that a served source showed before and hides (RULES, section 2): from
-- the snapshot that showed it last until it is shown again, where the snapshots between say nothing of it; else until the
-- end of the last deletion that reaches the next snapshot which says that it is gone. As far as the evidence asked for goes.
CREATE OR REPLACE TEMP TABLE hidden_holdings AS
WITH taken AS (
    SELECT n.source_id, n.taken_at
    FROM snapshots AS n
    JOIN sources AS s ON s.source_id = n.source_id
    CROSS JOIN evidence AS e
    WHERE s.served AND n.record_id <= e.record_until
),
latest AS (
    SELECT t.source_id, MAX(t.taken_at) AS latest_at,
           MAX(CASE WHEN s.retirement_record_id <= e.record_until THEN s.retired_at END) AS retired_at
    FROM taken AS t
    JOIN sources AS s ON s.source_id = t.source_id
    CROSS JOIN evidence AS e
    GROUP BY t.source_id
),
seen AS (
    SELECT h.source_id, h.package_id, h.blob_id, h.size_bytes,
           h.shared, h.first_seen_at,
           CASE WHEN h.closed_record_id <= e.record_until THEN h.valid_until
                WHEN e.seen_only THEN t.latest_at END AS last_seen_at,
           LEAD(h.first_seen_at) OVER (
               PARTITION BY h.source_id, h.package_id, h.blob_id ORDER BY h.first_seen_at
           ) AS seen_again_at,
           LEAD(h.valid_from) OVER (
               PARTITION BY h.source_id, h.package_id, h.blob_id ORDER BY h.first_seen_at
           ) AS held_again_from,
           CASE WHEN t.retired_at > t.latest_at THEN t.retired_at ELSE t.latest_at END AS silent_until
    FROM holdings AS h
    JOIN latest AS t ON t.source_id = h.source_id
    JOIN (SELECT DISTINCT i.package_id FROM deletion_intervals AS i) AS d ON d.package_id = h.package_id
    CROSS JOIN evidence AS e
    WHERE h.opened_record_id <= e.record_until
),
-- A row per such package, source of it and snapshot: the next snapshot that says of what it does not show that it is gone.
speaking AS (
    SELECT p.package_id, t.source_id, t.taken_at,
           MIN(CASE WHEN i.package_id IS NULL THEN t.taken_at END) OVER (
               PARTITION BY p.package_id, t.source_id ORDER BY t.taken_at
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
           ) AS next_speaking_at
    FROM (SELECT DISTINCT s.package_id, s.source_id FROM seen AS s) AS p
    JOIN taken AS t ON t.source_id = p.source_id
    LEFT JOIN deletion_intervals AS i
        ON i.package_id = p.package_id AND i.kind = 'hidden'
        AND i.deleted_from <= t.taken_at AND t.taken_at < i.deleted_until
),
ended AS (
    SELECT s.source_id, s.package_id, s.blob_id, s.size_bytes,
           s.shared, s.last_seen_at,
           CASE WHEN s.seen_again_at <= COALESCE(k.next_speaking_at, s.seen_again_at) THEN s.held_again_from END
               AS held_again_from,
           COALESCE(k.next_speaking_at, s.silent_until) AS gone_by
    FROM seen AS s
    JOIN speaking AS k
        ON k.source_id = s.source_id AND k.package_id = s.package_id AND k.taken_at = s.last_seen_at
)
SELECT d.source_id, d.package_id, d.blob_id, d.size_bytes,
       d.shared, d.last_seen_at AS held_from, d.held_again_from AS held_until
FROM ended AS d
WHERE d.held_again_from IS NOT NULL
UNION ALL
SELECT d.source_id, d.package_id, d.blob_id, d.size_bytes,
       d.shared, d.last_seen_at AS held_from, MAX(i.deleted_until) AS held_until
FROM ended AS d
JOIN deletion_intervals AS i
    ON i.package_id = d.package_id AND i.kind = 'kept'
    AND i.deleted_from <= d.gone_by AND d.last_seen_at < i.deleted_until
WHERE d.held_again_from IS NULL
GROUP BY d.source_id, d.package_id, d.blob_id, d.size_bytes, d.shared, d.last_seen_at;
