-- One row per workspace, repository and end of its retention period, of those that are deleted in the last second of the
-- periods: when that began.
CREATE OR REPLACE TEMP VIEW repositories_in_retention AS
WITH ends AS (
    SELECT max(p.period_until) AS period_until FROM periods AS p
)
SELECT d.workspace_id, d.slug AS repository, d.kept_until, max(d.deleted_at) AS deleted_at
FROM deletions AS d
JOIN ends AS e
    ON d.kind = 'repository' AND d.deleted_at < e.period_until AND e.period_until <= d.restored_at
    AND e.period_until <= d.kept_until
GROUP BY d.workspace_id, d.slug, d.kept_until;
