-- One row per package that the snapshot names and the ledger does not know, ids in the order of workspaces.
CREATE OR REPLACE TEMP TABLE new_packages AS
WITH named AS (
    SELECT DISTINCT w.workspace_id, o.workspace, o.format, o.package
    FROM offered AS o
    JOIN workspaces AS w ON w.name = o.workspace
    WHERE o.package IS NOT NULL
)
SELECT (SELECT coalesce(max(package_id), 0) FROM packages)
           + row_number() OVER (ORDER BY n.workspace, n.format, n.package) AS package_id,
       n.workspace_id, n.format, n.package AS name
FROM named AS n
ANTI JOIN packages AS p ON p.workspace_id = n.workspace_id AND p.format = n.format AND p.name = n.package;
