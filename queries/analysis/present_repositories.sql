-- One row per slug that a repository has had up to the instant asked for: which repository bears it then, the newest, and
-- since when that is deleted, if it is.
CREATE OR REPLACE TEMP TABLE present_repositories AS
WITH newest AS (
    SELECT r.workspace_id, r.slug, max(r.incarnation) AS incarnation
    FROM repository_events AS r
    JOIN periods AS p ON r.occurred_at <= p.period_from
    GROUP BY r.workspace_id, r.slug
)
SELECT n.workspace_id, n.slug, n.incarnation, d.deleted_at, d.kept_until
FROM newest AS n
CROSS JOIN periods AS p
LEFT JOIN deletions AS d
    ON d.kind = 'repository' AND d.workspace_id = n.workspace_id AND d.slug = n.slug AND d.incarnation = n.incarnation
    AND d.deleted_at <= p.period_from AND p.period_from < d.restored_at;
