-- One row per package and line (relation `compared_versions`: held_versions by month), and one of nulls for all of them:
-- how many versions came to the package, on this line, after a month without them, and how many were gone in the next.
CREATE OR REPLACE TEMP VIEW changed_versions AS
WITH held AS (
    SELECT DISTINCT c.month, c.version_id FROM compared_versions AS c
),
changes AS (
    SELECT c.package_id, c.repository, c.state, c.version_id,
           c.month > 0 AND b.version_id IS NULL AS came,
           c.month < (SELECT max(m.month) FROM compared_months AS m) AND a.version_id IS NULL AS went
    FROM compared_versions AS c
    LEFT JOIN held AS b ON b.version_id = c.version_id AND b.month = c.month - 1
    LEFT JOIN held AS a ON a.version_id = c.version_id AND a.month = c.month + 1
)
SELECT c.package_id, c.repository, c.state, count(DISTINCT c.version_id) FILTER (c.came) AS came,
       count(DISTINCT c.version_id) FILTER (c.went) AS went
FROM changes AS c
WHERE c.came OR c.went
GROUP BY GROUPING SETS ((c.package_id, c.repository, c.state), ());
