-- One row per workspace, package or version that stands in the ledger more than once.
SELECT 'workspace' AS kind, NULL AS parent_id, name, count(*) AS times FROM workspaces GROUP BY name HAVING count(*) > 1
UNION ALL
SELECT 'package', workspace_id, format || '/' || name, count(*) FROM packages
GROUP BY workspace_id, format, name HAVING count(*) > 1
UNION ALL
SELECT 'version', package_id, name, count(*) FROM versions GROUP BY package_id, name HAVING count(*) > 1;
