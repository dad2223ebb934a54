-- One row per package and line on which it held something in one of two months: the byte-seconds of all that it held
-- in each, as if it shared nothing.
CREATE OR REPLACE TEMP VIEW held_lines AS
SELECT c.package_id, c.repository, c.state,
       coalesce(sum(c.size_bytes::DECIMAL(19, 0) * c.seconds::DECIMAL(10, 0)) FILTER (c.month = 0), 0) AS before,
       coalesce(sum(c.size_bytes::DECIMAL(19, 0) * c.seconds::DECIMAL(10, 0)) FILTER (c.month = 1), 0) AS after
FROM compared_seconds AS c
GROUP BY c.package_id, c.repository, c.state;
