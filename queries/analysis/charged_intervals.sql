-- One row per interval in which a package is charged, as `counted_intervals` takes it.
CREATE OR REPLACE TEMP VIEW charged_intervals AS
SELECT s.package_id, s.state_from AS counted_from, s.state_until AS counted_until, p.share
FROM package_states AS s
JOIN periods AS p ON p.period_id = s.period_id
WHERE s.charged = 1;
