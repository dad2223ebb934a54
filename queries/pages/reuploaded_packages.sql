-- One row per package that is deleted by its events and holds what was uploaded after that for certain: by its upload, or
-- since a snapshot between did not show it. It is free of charge until an event says that the package exists again (RULES,
-- section 3).
CREATE OR REPLACE TEMP VIEW reuploaded_packages AS
WITH deleted AS (
    SELECT d.package_id, d.deleted_at FROM deletions AS d
    WHERE d.kind = 'package' AND d.restored_at = 9223372036854775807
),
seen_since AS (
    SELECT d.package_id, h.source_id, d.deleted_at, min(n.taken_at) AS taken_at
    FROM deleted AS d
    JOIN (SELECT DISTINCT package_id, source_id FROM holdings) AS h ON h.package_id = d.package_id
    JOIN snapshots AS n ON n.source_id = h.source_id AND n.taken_at >= d.deleted_at
    GROUP BY d.package_id, h.source_id, d.deleted_at
),
later AS (
    SELECT d.package_id, d.deleted_at, h.valid_from AS uploaded_at
    FROM deleted AS d
    JOIN holdings AS h ON h.package_id = d.package_id AND h.valid_until IS NULL
    JOIN seen_since AS t ON t.package_id = h.package_id AND t.source_id = h.source_id
    WHERE h.valid_from > d.deleted_at AND (h.valid_from < h.first_seen_at OR t.taken_at < h.first_seen_at)
    UNION ALL
    SELECT d.package_id, d.deleted_at, v.uploaded_at
    FROM deleted AS d
    JOIN versions AS v ON v.package_id = d.package_id AND v.uploaded_at > d.deleted_at
    JOIN reference_intervals AS r ON r.version_id = v.version_id AND r.valid_until IS NULL
)
SELECT k.workspace_id, k.format, k.name AS package, l.deleted_at, min(l.uploaded_at) AS uploaded_at
FROM later AS l
JOIN scope_packages AS k ON k.package_id = l.package_id
GROUP BY k.workspace_id, k.format, k.name, l.deleted_at;
