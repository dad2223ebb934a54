-- One row per image name that is held at the instant asked for (RULES, section 3).
CREATE OR REPLACE TEMP VIEW held_names AS
SELECT s.workspace_id, p.name, s.repository, s.repository_kept_until AS held_until
FROM state_intervals AS s
JOIN scope_packages AS p ON p.package_id = s.package_id
JOIN moment AS m ON s.state_from <= m.as_of AND m.as_of < s.state_until
WHERE s.state = 'repository_deleted' AND p.format = 'container';
