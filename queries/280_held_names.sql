-- One row per image name that is held at the start of a period (RULES, section 3).
CREATE OR REPLACE TEMP VIEW held_names AS
SELECT s.workspace_id AS workspace_id, p.name AS name, s.repository AS repository,
       s.repository_kept_until AS held_until
FROM package_states AS s
JOIN scope_packages AS p ON p.package_id = s.package_id
JOIN periods AS t ON t.period_id = s.period_id AND t.period_from = s.state_from
WHERE s.state = 'repository_deleted' AND p.format = 'container';
