-- One row per longest interval in which a package is deleted with its repository or workspace, of two kinds: `kept`, until its
-- retention ends, and `hidden`, also after it. What a served source does not show while a package is hidden may be there
-- all the same (RULES, section 2).
CREATE OR REPLACE TEMP TABLE deletion_intervals AS
WITH deleted AS (
    SELECT s.package_id, s.state_from, s.state_until, 'hidden' AS kind
    FROM state_intervals AS s
    WHERE s.state IN ('repository_deleted', 'workspace_deleted', 'expired')
    UNION ALL
    SELECT s.package_id, s.state_from, s.state_until, 'kept' AS kind
    FROM state_intervals AS s
    WHERE s.state IN ('repository_deleted', 'workspace_deleted')
),
followed AS (
    SELECT d.package_id, d.kind, d.state_from, d.state_until,
           LAG(d.state_until) OVER (PARTITION BY d.package_id, d.kind ORDER BY d.state_from) AS until_before
    FROM deleted AS d
),
islands AS (
    SELECT f.package_id, f.kind, f.state_from, f.state_until,
           SUM(CASE WHEN f.until_before = f.state_from THEN 0 ELSE 1 END) OVER (
               PARTITION BY f.package_id, f.kind ORDER BY f.state_from
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS island
    FROM followed AS f
)
SELECT i.package_id, i.kind, MIN(i.state_from) AS deleted_from, MAX(i.state_until) AS deleted_until
FROM islands AS i
GROUP BY i.package_id, i.kind, i.island;
