-- One row per interval of a period in which a package is in one state.
CREATE OR REPLACE TEMP TABLE package_states AS
SELECT ROW_NUMBER() OVER (ORDER BY s.package_id, p.period_from, s.state_from) AS interval_id, s.package_id,
       s.workspace_id, p.period_id,
       GREATEST(s.state_from, p.period_from) AS state_from, LEAST(s.state_until, p.period_until) AS state_until,
       s.repository, s.repository_kept_until, s.state,
       CASE WHEN c.state IS NULL THEN 0 ELSE 1 END AS charged
FROM state_intervals AS s
JOIN periods AS p ON s.state_from < p.period_until AND p.period_from < s.state_until
LEFT JOIN charged_states AS c ON c.period_id = p.period_id AND c.state = s.state;
