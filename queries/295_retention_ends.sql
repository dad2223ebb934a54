-- One row per date that the retention of a deletion brings: charging of what a repository held stops, an image name is
-- free, what a workspace held expires. `packages` is how many packages it concerns (RULES, section 3).
CREATE OR REPLACE TEMP VIEW retention_ends AS
WITH deletions AS (
    SELECT d.workspace_id AS workspace_id, d.slug AS slug, d.kept_until AS kept_until, MAX(d.deleted_at) AS deleted_at
    FROM repository_deletions AS d
    GROUP BY d.workspace_id, d.slug, d.kept_until
),
kept AS (
    SELECT s.workspace_id AS workspace_id, s.package_id AS package_id, s.repository AS repository,
           d.deleted_at AS deleted_at, s.charged AS charged, s.state_from AS state_from, s.state_until AS state_until
    FROM package_states AS s
    JOIN deletions AS d
        ON d.workspace_id = s.workspace_id AND d.slug = s.repository AND d.kept_until = s.repository_kept_until
    WHERE s.state = 'repository_deleted' AND s.state_until = s.repository_kept_until
),
charged AS (
    SELECT DISTINCT k.workspace_id AS workspace_id, k.package_id AS package_id, k.repository AS repository,
           k.deleted_at AS deleted_at, k.state_until AS state_until
    FROM kept AS k
    JOIN scope_holdings AS h
        ON h.package_id = k.package_id AND h.held_from < k.state_until AND k.state_until <= h.held_until
    WHERE k.charged = 1
)
SELECT c.workspace_id AS workspace_id, 'charging_stops' AS what, c.repository AS repository,
       CAST(NULL AS VARCHAR) AS name, c.deleted_at AS deleted_at, c.state_until AS happens_at, COUNT(*) AS packages
FROM charged AS c
GROUP BY c.workspace_id, c.repository, c.deleted_at, c.state_until
UNION ALL
SELECT k.workspace_id AS workspace_id, 'name_free' AS what, k.repository AS repository, p.name AS name,
       k.deleted_at AS deleted_at, k.state_until AS happens_at, 1 AS packages
FROM kept AS k
JOIN scope_packages AS p ON p.package_id = k.package_id
WHERE p.format = 'container'
UNION ALL
SELECT d.workspace_id AS workspace_id, 'packages_expire' AS what, CAST(NULL AS VARCHAR) AS repository,
       CAST(NULL AS VARCHAR) AS name, d.deleted_at AS deleted_at, d.kept_until AS happens_at, COUNT(*) AS packages
FROM workspace_deletions AS d
JOIN package_states AS s ON s.workspace_id = d.workspace_id AND s.state_until = d.kept_until
WHERE s.state = 'workspace_deleted'
GROUP BY d.workspace_id, d.deleted_at, d.kept_until;
