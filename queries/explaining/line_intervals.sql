-- One row per longest interval of a period in which a package asked for is on one line of the bill by the same events.
CREATE OR REPLACE TEMP TABLE line_intervals AS
WITH links AS (
    SELECT r.package_id, r.occurred_at, max(r.position) AS position, arg_max(r.slug, r.position) AS slug,
           arg_max(r.incarnation::BIGINT, r.position) AS incarnation
    FROM repository_events AS r
    WHERE r.package_id IS NOT NULL
    GROUP BY r.package_id, r.occurred_at
),
changes AS (
    SELECT c.*
    FROM deletion_changes AS c
    QUALIFY c.occurred_at IS DISTINCT FROM lead(c.occurred_at) OVER (  -- undone at the same instant, it does not count
        PARTITION BY c.kind, c.workspace_id, c.package_id, c.slug, c.incarnation ORDER BY c.position
    )
),
package_changes AS (SELECT * FROM changes WHERE kind = 'package'),
workspace_changes AS (SELECT * FROM changes WHERE kind = 'workspace'),
repository_changes AS (SELECT * FROM changes WHERE kind = 'repository'),
linked AS (
    SELECT s.*, l.position AS link_position, l.slug, l.incarnation
    FROM package_states AS s
    SEMI JOIN explained_packages AS x ON x.package_id = s.package_id
    ASOF LEFT JOIN links AS l ON l.package_id = s.package_id AND l.occurred_at <= s.state_from
),
-- The events that made an interval so: the link to its repository, and the deletion in force, or where the package is live
-- its latest return.
interval_events AS (
    SELECT s.package_id, s.period_id, s.state_from, s.state_until, s.repository, s.state, s.charged, s.link_position,
           CASE s.state
               WHEN 'package_deleted' THEN p.position
               WHEN 'workspace_deleted' THEN w.position
               WHEN 'repository_deleted' THEN r.position
               WHEN 'expired' THEN CASE WHEN w.is_deleted = 1 THEN w.position ELSE r.position END
               ELSE greatest(p.position, w.position, r.position)
           END AS change_position
    FROM linked AS s
    ASOF LEFT JOIN package_changes AS p ON p.package_id = s.package_id AND p.occurred_at <= s.state_from
    ASOF LEFT JOIN workspace_changes AS w ON w.workspace_id = s.workspace_id AND w.occurred_at <= s.state_from
    ASOF LEFT JOIN repository_changes AS r
        ON r.workspace_id = s.workspace_id AND r.slug = s.slug AND r.incarnation = s.incarnation
        AND r.occurred_at <= s.state_from
),
compared AS (
    SELECT s.*, s.state_from IS DISTINCT FROM lag(s.state_until) OVER (
               PARTITION BY s.package_id, s.period_id, s.repository, s.state, s.link_position, s.change_position
               ORDER BY s.state_from
           ) AS is_first
    FROM interval_events AS s
),
islands AS (
    SELECT c.*, sum(c.is_first::INTEGER) OVER (
               PARTITION BY c.package_id, c.period_id, c.repository, c.state, c.link_position, c.change_position
               ORDER BY c.state_from
           ) AS island
    FROM compared AS c
)
SELECT dense_rank() OVER (ORDER BY i.package_id, i.repository NULLS FIRST, i.state) AS line_id,
       i.package_id, i.repository, i.state, i.period_id, i.charged, i.link_position, i.change_position,
       min(i.state_from) AS state_from, max(i.state_until) AS state_until
FROM islands AS i
GROUP BY i.package_id, i.repository, i.state, i.period_id, i.charged, i.link_position, i.change_position, i.island;
