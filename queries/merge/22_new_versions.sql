-- One row per version that the snapshot names and the ledger does not know, ids in the order of packages.
CREATE OR REPLACE TEMP TABLE new_versions AS
WITH named AS (
    SELECT DISTINCT p.package_id, o.version
    FROM offered AS o
    JOIN workspaces AS w ON w.name = o.workspace
    JOIN packages AS p ON p.workspace_id = w.workspace_id AND p.format = o.format AND p.name = o.package
    WHERE o.version_id IS NULL
)
SELECT (SELECT coalesce(max(version_id), 0) FROM versions)
           + row_number() OVER (ORDER BY n.package_id, n.version) AS version_id,
       n.package_id, n.version AS name
FROM named AS n;
