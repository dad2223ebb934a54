-- One row per package at the instant asked for: its state, the repository that it is linked to, whether that still is the
-- one of its slug, until when the repository's deletion keeps it, and the bytes of what it holds, each blob once.
CREATE OR REPLACE TEMP TABLE present_packages AS
WITH stored AS (
    SELECT package_id, sum(size_bytes) AS stored_bytes
    FROM (SELECT DISTINCT package_id, blob_id, size_bytes FROM scope_holdings)
    GROUP BY package_id
)
SELECT s.workspace_id, s.package_id, k.format, k.name, s.state, s.charged = 1 AS charged, s.repository AS slug,
       r.incarnation IS NOT NULL AS of_present_repository, s.repository_kept_until AS kept_until,
       coalesce(h.stored_bytes, 0)::HUGEINT AS stored_bytes
FROM package_states AS s
JOIN periods AS p ON p.period_id = s.period_id AND p.period_from = s.state_from
JOIN scope_packages AS k ON k.package_id = s.package_id
LEFT JOIN stored AS h ON h.package_id = s.package_id
LEFT JOIN package_links AS l
    ON l.package_id = s.package_id AND l.linked_at <= p.period_from AND p.period_from < l.linked_until
LEFT JOIN present_repositories AS r
    ON r.workspace_id = l.workspace_id AND r.slug = l.slug AND r.incarnation = l.incarnation;
