-- One row per stretch of a period in which nothing that decides a package's state happens.
CREATE OR REPLACE TEMP VIEW package_stretches AS
WITH linked_deletions AS (
    SELECT DISTINCT l.package_id AS package_id, d.deleted_at AS deleted_at, d.kept_until AS kept_until,
           d.restored_at AS restored_at
    FROM package_links AS l
    JOIN repository_deletions AS d
        ON d.workspace_id = l.workspace_id AND d.slug = l.slug AND d.incarnation = l.incarnation
),
changes AS (
    SELECT d.package_id AS package_id, d.deleted_at AS changed_at FROM package_deletions AS d
    UNION SELECT d.package_id AS package_id, d.restored_at AS changed_at FROM package_deletions AS d
    UNION SELECT l.package_id AS package_id, l.linked_at AS changed_at FROM package_links AS l
    UNION SELECT d.package_id AS package_id, d.deleted_at AS changed_at FROM linked_deletions AS d
    UNION SELECT d.package_id AS package_id, d.kept_until AS changed_at FROM linked_deletions AS d
    UNION SELECT d.package_id AS package_id, d.restored_at AS changed_at FROM linked_deletions AS d
    UNION SELECT p.package_id AS package_id, d.deleted_at AS changed_at
    FROM workspace_deletions AS d JOIN scope_packages AS p ON p.workspace_id = d.workspace_id
    UNION SELECT p.package_id AS package_id, d.kept_until AS changed_at
    FROM workspace_deletions AS d JOIN scope_packages AS p ON p.workspace_id = d.workspace_id
    UNION SELECT p.package_id AS package_id, d.restored_at AS changed_at
    FROM workspace_deletions AS d JOIN scope_packages AS p ON p.workspace_id = d.workspace_id
),
starts AS (
    SELECT s.package_id AS package_id, p.period_id AS period_id, p.period_from AS starts_at,
           p.period_until AS period_until
    FROM scope_packages AS s
    CROSS JOIN periods AS p
    UNION ALL
    SELECT c.package_id AS package_id, p.period_id AS period_id, c.changed_at AS starts_at,
           p.period_until AS period_until
    FROM changes AS c
    JOIN periods AS p ON p.period_from < c.changed_at AND c.changed_at < p.period_until
)
SELECT s.package_id AS package_id, s.period_id AS period_id, s.starts_at AS state_from,
       COALESCE(
           LEAD(s.starts_at) OVER (PARTITION BY s.package_id, s.period_id ORDER BY s.starts_at), s.period_until
       ) AS state_until
FROM starts AS s;
