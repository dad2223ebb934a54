-- One row per stretch of a package in one state that holds a busy blob, with what a bill's line is made of.
CREATE OR REPLACE TEMP VIEW busy_stretches AS
WITH busy AS (
    SELECT DISTINCT s.stretch_id AS stretch_id FROM busy_spans AS s
)
SELECT b.stretch_id AS stretch_id, t.period_id AS period_id, t.repository AS repository, k.format AS format,
       k.name AS package, t.state AS state, t.charged AS charged
FROM busy AS b
JOIN package_states AS t ON t.stretch_id = b.stretch_id
JOIN scope_packages AS k ON k.package_id = t.package_id;
