-- One row per interval of all time in which nothing that decides a package's state happens, with that state: the first that
-- holds (RULES, section 3).
CREATE OR REPLACE TEMP TABLE state_intervals AS
WITH changes AS (
    SELECT d.package_id, d.deleted_at, d.deleted_at AS kept_until, d.restored_at
    FROM deletions AS d
    WHERE d.kind = 'package'
    UNION ALL
    SELECT p.package_id, d.deleted_at, d.kept_until, d.restored_at
    FROM deletions AS d
    JOIN scope_packages AS p ON p.workspace_id = d.workspace_id
    WHERE d.kind = 'workspace'
    UNION ALL
    SELECT l.package_id, d.deleted_at, d.kept_until, d.restored_at
    FROM package_links AS l
    JOIN deletions AS d ON d.workspace_id = l.workspace_id AND d.slug = l.slug AND d.incarnation = l.incarnation
    WHERE d.kind = 'repository'
),
boundaries AS (
    SELECT c.package_id, c.deleted_at AS changed_at FROM changes AS c
    UNION SELECT c.package_id, c.kept_until AS changed_at FROM changes AS c
    UNION SELECT c.package_id, c.restored_at AS changed_at FROM changes AS c
    UNION SELECT l.package_id, l.linked_at AS changed_at FROM package_links AS l
),
starts AS (
    SELECT s.package_id, -9223372036854775807 AS starts_at FROM scope_packages AS s
    UNION
    SELECT c.package_id, c.changed_at AS starts_at
    FROM boundaries AS c
    WHERE c.changed_at < 9223372036854775807
),
intervals AS (
    SELECT s.package_id, s.starts_at AS state_from,
           LEAD(s.starts_at, 1, 9223372036854775807) OVER (PARTITION BY s.package_id ORDER BY s.starts_at) AS state_until
    FROM starts AS s
)
SELECT s.package_id, p.workspace_id, s.state_from, s.state_until, l.slug AS repository, r.kept_until AS repository_kept_until,
       CASE
           WHEN d.package_id IS NOT NULL THEN 'package_deleted'
           WHEN s.state_from < w.kept_until THEN 'workspace_deleted'
           WHEN w.workspace_id IS NOT NULL THEN 'expired'
           WHEN s.state_from < r.kept_until THEN 'repository_deleted'
           WHEN r.workspace_id IS NOT NULL THEN 'expired'
           ELSE 'live'
       END AS state
FROM intervals AS s
JOIN scope_packages AS p ON p.package_id = s.package_id
LEFT JOIN deletions AS d
    ON d.kind = 'package' AND d.package_id = s.package_id
    AND d.deleted_at <= s.state_from AND s.state_from < d.restored_at
LEFT JOIN deletions AS w
    ON w.kind = 'workspace' AND w.workspace_id = p.workspace_id
    AND w.deleted_at <= s.state_from AND s.state_from < w.restored_at
LEFT JOIN package_links AS l
    ON l.package_id = s.package_id AND l.linked_at <= s.state_from AND s.state_from < l.linked_until
LEFT JOIN deletions AS r
    ON r.kind = 'repository' AND r.workspace_id = l.workspace_id AND r.slug = l.slug AND r.incarnation = l.incarnation
    AND r.deleted_at <= s.state_from AND s.state_from < r.restored_at;
