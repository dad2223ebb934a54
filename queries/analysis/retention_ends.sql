-- One row per date that the retention of a deletion brings: charging of what a repository held stops, for good, since
-- the retention ends or a later rule charges it no more; an image name is free; what a workspace held expires. `packages`
-- is how many packages it concerns (RULES, section 3).
CREATE OR REPLACE TEMP VIEW retention_ends AS
WITH repositories AS (
    SELECT d.workspace_id, d.slug, d.kept_until, MAX(d.deleted_at) AS deleted_at
    FROM deletions AS d
    WHERE d.kind = 'repository'
    GROUP BY d.workspace_id, d.slug, d.kept_until
),
intervals AS (
    SELECT s.workspace_id, s.package_id, s.repository,
           s.repository_kept_until AS kept_until, s.state, s.charged, s.state_until,
           LEAD(s.charged) OVER (PARTITION BY s.package_id ORDER BY s.state_from) AS charged_after,
           LEAD(s.state) OVER (PARTITION BY s.package_id ORDER BY s.state_from) AS state_after,
           LEAD(s.repository_kept_until) OVER (PARTITION BY s.package_id ORDER BY s.state_from) AS kept_until_after
    FROM package_states AS s
),
kept AS (
    SELECT s.workspace_id, s.package_id, s.repository,
           d.deleted_at, s.kept_until, s.state_until,
           CASE WHEN s.charged = 1 AND s.charged_after = 0 AND (
               s.state_until = s.kept_until
               OR (s.state_after = 'repository_deleted' AND s.kept_until_after = s.kept_until)
           ) THEN 1 ELSE 0 END AS charging_stops
    FROM intervals AS s
    JOIN repositories AS d
        ON d.workspace_id = s.workspace_id AND d.slug = s.repository AND d.kept_until = s.kept_until
    WHERE s.state = 'repository_deleted'
),
stops AS (
    SELECT k.workspace_id, k.package_id, k.repository,
           k.deleted_at, MAX(k.state_until) AS happens_at
    FROM kept AS k
    JOIN scope_holdings AS h
        ON h.package_id = k.package_id AND h.held_from < k.state_until AND k.state_until <= h.held_until
    WHERE k.charging_stops = 1
    GROUP BY k.workspace_id, k.package_id, k.repository, k.deleted_at
)
SELECT s.workspace_id, 'charging_stops' AS what, s.repository,
       CAST(NULL AS VARCHAR) AS name, s.deleted_at, s.happens_at, COUNT(*) AS packages
FROM stops AS s
GROUP BY s.workspace_id, s.repository, s.deleted_at, s.happens_at
UNION ALL
SELECT k.workspace_id, 'name_free' AS what, k.repository, p.name,
       k.deleted_at, k.state_until AS happens_at, 1 AS packages
FROM kept AS k
JOIN scope_packages AS p ON p.package_id = k.package_id
WHERE p.format = 'container' AND k.state_until = k.kept_until
UNION ALL
SELECT d.workspace_id, 'packages_expire' AS what, CAST(NULL AS VARCHAR) AS repository,
       CAST(NULL AS VARCHAR) AS name, d.deleted_at, d.kept_until AS happens_at, COUNT(*) AS packages
FROM deletions AS d
JOIN package_states AS s ON d.kind = 'workspace' AND s.workspace_id = d.workspace_id AND s.state_until = d.kept_until
WHERE s.state = 'workspace_deleted'
GROUP BY d.workspace_id, d.deleted_at, d.kept_until;
