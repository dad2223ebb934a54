-- One row per package of the workspaces asked for (relation `scope`).
CREATE OR REPLACE TEMP TABLE scope_packages AS
SELECT p.package_id AS package_id, p.workspace_id AS workspace_id, p.format AS format, p.name AS name
FROM packages AS p
JOIN scope AS s ON s.workspace_id = p.workspace_id;
