-- One row per workspace and source that held something of it in the periods.
CREATE OR REPLACE TEMP VIEW workspace_sources AS
SELECT DISTINCT p.workspace_id, h.source_id
FROM scope_holdings AS h
JOIN scope_packages AS p ON p.package_id = h.package_id;
