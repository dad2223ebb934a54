-- One row per source whose latest snapshot counted other references than are open, unless it is retired.
SELECT n.source_id, n.taken_at, n.reference_count, count(r.source_id) AS open_references
FROM (SELECT source_id, max(taken_at) AS taken_at, arg_max(reference_count, taken_at) AS reference_count
      FROM snapshots GROUP BY source_id) AS n
JOIN sources AS s ON s.source_id = n.source_id AND s.retired_at IS NULL
LEFT JOIN reference_intervals AS r ON r.source_id = n.source_id AND r.valid_until IS NULL
GROUP BY n.source_id, n.taken_at, n.reference_count
HAVING n.reference_count <> count(r.source_id);
