-- One row per version and line of a bill on which its package held something of it in the periods, hidden by a deletion or
-- not; what belongs to a package alone, under the empty name, is not a version.
CREATE OR REPLACE TEMP VIEW held_versions AS
WITH named AS MATERIALIZED (
    SELECT v.package_id, r.version_id, r.source_id, r.blob_id, r.valid_from, r.valid_until
    FROM reference_intervals AS r
    JOIN versions AS v ON v.version_id = r.version_id
    JOIN scope_packages AS p ON p.package_id = v.package_id
    WHERE v.name <> ''
),
present AS (
    SELECT DISTINCT n.package_id, n.version_id, greatest(n.valid_from, h.held_from) AS held_from,
           least(coalesce(n.valid_until, h.held_until), h.held_until) AS held_until
    FROM named AS n
    JOIN scope_holdings AS h
        ON h.package_id = n.package_id AND h.source_id = n.source_id AND h.blob_id = n.blob_id
        AND n.valid_from < h.held_until AND h.held_from < coalesce(n.valid_until, h.held_until)
    WHERE h.hidden = 0 AND n.valid_from < coalesce(n.valid_until, h.held_until)
    UNION ALL
    SELECT DISTINCT n.package_id, n.version_id, h.held_from, h.held_until
    FROM named AS n
    JOIN hidden_holdings AS h
        ON h.package_id = n.package_id AND h.source_id = n.source_id AND h.blob_id = n.blob_id
        AND h.held_from = n.valid_until
)
SELECT DISTINCT p.package_id, s.repository, s.state, p.version_id
FROM present AS p
JOIN package_states AS s
    ON s.package_id = p.package_id AND s.state_from < p.held_until AND p.held_from < s.state_until;
