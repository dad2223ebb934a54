-- One row per package and line (relation `compared_versions`: held_versions by month), and one of nulls for all of them:
-- how many versions came to the package, on this line, after a month without them, and how many were gone in the next.
CREATE OR REPLACE TEMP VIEW changed_versions AS
WITH held AS (
    SELECT DISTINCT c.month, c.version_id FROM compared_versions AS c
),
turns AS (
    SELECT c.package_id, c.repository, c.state, c.version_id,
           c.month > 0 AND b.version_id IS NULL AS came,
           c.month < (SELECT max(m.month) FROM compared_months AS m) AND a.version_id IS NULL AS went
    FROM compared_versions AS c
    LEFT JOIN held AS b ON b.version_id = c.version_id AND b.month = c.month - 1
    LEFT JOIN held AS a ON a.version_id = c.version_id AND a.month = c.month + 1
)
SELECT t.package_id, t.repository, t.state, count(DISTINCT t.version_id) FILTER (t.came) AS came,
       count(DISTINCT t.version_id) FILTER (t.went) AS went
FROM turns AS t
WHERE t.came OR t.went
GROUP BY GROUPING SETS ((t.package_id, t.repository, t.state), ());
