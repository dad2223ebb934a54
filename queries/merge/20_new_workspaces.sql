-- One row per workspace that the snapshot names and the ledger does not know, with the id that it gets.
CREATE OR REPLACE TEMP TABLE new_workspaces AS
SELECT (SELECT coalesce(max(workspace_id), 0) FROM workspaces) + row_number() OVER (ORDER BY o.workspace)
           AS workspace_id,
       o.workspace AS name
FROM (SELECT DISTINCT workspace FROM offered WHERE workspace IS NOT NULL) AS o
ANTI JOIN workspaces AS w ON w.name = o.workspace;
