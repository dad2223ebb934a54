-- One row per stretch of a period in which a package is in one state: the first that holds (RULES, section 3).
CREATE OR REPLACE TEMP TABLE package_states AS
WITH judged AS (
    SELECT s.package_id AS package_id, p.workspace_id AS workspace_id, s.period_id AS period_id,
           s.state_from AS state_from, s.state_until AS state_until,
           l.slug AS repository, r.kept_until AS repository_kept_until,
           CASE
               WHEN d.package_id IS NOT NULL THEN 'package_deleted'
               WHEN s.state_from < w.kept_until THEN 'workspace_deleted'
               WHEN w.workspace_id IS NOT NULL THEN 'expired'
               WHEN s.state_from < r.kept_until THEN 'repository_deleted'
               WHEN r.workspace_id IS NOT NULL THEN 'expired'
               ELSE 'live'
           END AS state
    FROM package_stretches AS s
    JOIN scope_packages AS p ON p.package_id = s.package_id
    LEFT JOIN package_deletions AS d
        ON d.package_id = s.package_id AND d.deleted_at <= s.state_from AND s.state_from < d.restored_at
    LEFT JOIN workspace_deletions AS w
        ON w.workspace_id = p.workspace_id AND w.deleted_at <= s.state_from AND s.state_from < w.restored_at
    LEFT JOIN package_links AS l
        ON l.package_id = s.package_id AND l.linked_at <= s.state_from AND s.state_from < l.linked_until
    LEFT JOIN repository_deletions AS r
        ON r.workspace_id = l.workspace_id AND r.slug = l.slug AND r.incarnation = l.incarnation
        AND r.deleted_at <= s.state_from AND s.state_from < r.restored_at
)
SELECT ROW_NUMBER() OVER (ORDER BY j.package_id, j.state_from) AS stretch_id, j.package_id AS package_id, j.workspace_id AS workspace_id, j.period_id AS period_id,
       j.state_from AS state_from, j.state_until AS state_until, j.repository AS repository,
       j.repository_kept_until AS repository_kept_until, j.state AS state,
       CASE WHEN c.state IS NULL THEN 0 ELSE 1 END AS charged
FROM judged AS j
LEFT JOIN charged_states AS c ON c.period_id = j.period_id AND c.state = j.state;
