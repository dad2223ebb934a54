-- One row per interval of a package in one state that holds a high-churn blob, with what a bill's line is made of.
CREATE OR REPLACE TEMP VIEW high_churn_lines AS
WITH high_churn AS (
    SELECT DISTINCT s.interval_id FROM high_churn_holdings AS s
)
SELECT b.interval_id, t.period_id, t.repository, k.format,
       k.name AS package, t.state, t.charged
FROM high_churn AS b
JOIN package_states AS t ON t.interval_id = b.interval_id
JOIN scope_packages AS k ON k.package_id = t.package_id;
