-- One row per longest interval of a period in which a package asked for is on one line of the bill by the same events.
CREATE OR REPLACE TEMP TABLE line_intervals AS
WITH compared AS (
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
