-- One row per corrected package and snapshot that was recorded since the last closing (relation `last_closing`) and changed
-- what is known of the package in the month: how many presences of blobs it began, ended, or showed to have gone on
-- since the snapshot before it. What a deletion hides from it (relation `hidden_holdings`) went on.
CREATE OR REPLACE TEMP VIEW late_snapshots AS
WITH taken AS (
    SELECT n.source_id, n.taken_at, n.record_id,
           LAG(n.taken_at) OVER (PARTITION BY n.source_id ORDER BY n.taken_at) AS taken_before,
           LAG(n.record_id) OVER (PARTITION BY n.source_id ORDER BY n.taken_at) AS record_before
    FROM snapshots AS n
),
late AS (
    SELECT t.source_id, t.taken_at, t.taken_before, t.record_id, t.record_before
    FROM taken AS t
    CROSS JOIN last_closing AS s
    WHERE t.record_id > s.sealed_in AND t.record_id <= s.record_until
),
held AS (
    SELECT h.source_id, h.package_id, h.valid_from, h.valid_until, h.opened_record_id, h.closed_record_id, s.month_from,
           s.month_until
    FROM holdings AS h
    JOIN corrected_packages AS c ON c.package_id = h.package_id
    CROSS JOIN last_closing AS s
    WHERE h.valid_from < s.month_until AND (h.valid_until IS NULL OR h.valid_until > s.month_from)
),
changes AS (
    SELECT h.package_id, l.source_id, l.taken_at, 1 AS begun, 0 AS ended, 0 AS went_on
    FROM held AS h
    JOIN late AS l ON l.source_id = h.source_id AND l.record_id = h.opened_record_id
    WHERE h.valid_from <= l.taken_at
        AND (l.taken_before IS NULL OR h.valid_from > l.taken_before
             OR (h.valid_from = l.taken_before AND l.record_before < l.record_id))
    UNION ALL
    SELECT h.package_id, l.source_id, l.taken_at, 0 AS begun, 1 AS ended, 0 AS went_on
    FROM held AS h
    JOIN late AS l ON l.source_id = h.source_id AND l.record_id = h.closed_record_id AND l.taken_before = h.valid_until
    WHERE h.valid_until < h.month_until
    UNION ALL
    SELECT h.package_id, l.source_id, l.taken_at, 0 AS begun, 0 AS ended, 1 AS went_on
    FROM held AS h
    JOIN late AS l ON l.source_id = h.source_id AND l.taken_before < h.month_until AND l.taken_at > h.month_from
    WHERE h.valid_from <= l.taken_before AND (h.valid_until IS NULL OR h.valid_until >= l.taken_at)
    UNION ALL
    SELECT h.package_id, l.source_id, l.taken_at, 0 AS begun, 0 AS ended, 1 AS went_on
    FROM hidden_holdings AS h
    JOIN corrected_packages AS c ON c.package_id = h.package_id
    JOIN late AS l ON l.source_id = h.source_id AND l.taken_at > h.held_from AND l.taken_before <= h.held_until
    CROSS JOIN last_closing AS s
    WHERE h.held_from < s.month_until AND h.held_until > s.month_from
)
SELECT h.package_id, s.name AS source, h.taken_at, r.recorded_at, SUM(h.begun)::BIGINT AS begun,
       SUM(h.ended)::BIGINT AS ended, SUM(h.went_on)::BIGINT AS went_on
FROM changes AS h
JOIN sources AS s ON s.source_id = h.source_id
JOIN snapshots AS n ON n.source_id = h.source_id AND n.taken_at = h.taken_at
JOIN records AS r ON r.record_id = n.record_id
GROUP BY h.package_id, s.name, h.taken_at, r.recorded_at;
