-- One row per package that is live and charged at the end of the periods, as `counted_intervals` takes it: as if it had
-- been so in all of them, so that neither deletions nor restorations show.
CREATE OR REPLACE TEMP VIEW live_intervals AS
WITH bounds AS (
    SELECT min(p.period_from) AS counted_from, max(p.period_until) AS counted_until FROM periods AS p
)
SELECT s.package_id, b.counted_from, b.counted_until, p.share
FROM package_states AS s
JOIN periods AS p ON p.period_id = s.period_id
JOIN bounds AS b ON b.counted_until = s.state_until
WHERE s.state = 'live' AND s.charged = 1;
