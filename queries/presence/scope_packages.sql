-- One row per package of the workspaces asked for (relation `scope`).
CREATE OR REPLACE TEMP TABLE scope_packages AS
SELECT p.package_id, p.workspace_id, p.format, p.name
FROM packages AS p
JOIN scope AS s ON s.workspace_id = p.workspace_id;
