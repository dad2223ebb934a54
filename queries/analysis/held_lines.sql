-- One row per month, package and line on which it held something: the byte-seconds of all that it held, as if it shared
-- nothing.
CREATE OR REPLACE TEMP VIEW held_lines AS
SELECT c.month, c.package_id, c.repository, c.state,
       sum(c.size_bytes::DECIMAL(19, 0) * c.seconds::DECIMAL(10, 0)) AS byte_seconds
FROM compared_seconds AS c
GROUP BY c.month, c.package_id, c.repository, c.state;
