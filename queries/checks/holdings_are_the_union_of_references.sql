-- One row per presence of a blob in a package that is a holding and no union of references, or the other way round.
WITH reference AS (
    SELECT r.source_id, v.package_id, r.blob_id, r.valid_from,
           coalesce(r.valid_until, 9223372036854775807) AS valid_until
    FROM reference_intervals AS r
    JOIN versions AS v ON v.version_id = r.version_id
),
ordered AS (
    SELECT *, max(valid_until) OVER (
        PARTITION BY source_id, package_id, blob_id ORDER BY valid_from, valid_until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS held_before
    FROM reference
),
islands AS (
    SELECT *, count(*) FILTER (WHERE held_before IS NULL OR held_before < valid_from) OVER (
        PARTITION BY source_id, package_id, blob_id ORDER BY valid_from, valid_until
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS island
    FROM ordered
),
unions AS (
    SELECT source_id, package_id, blob_id, min(valid_from) AS valid_from, max(valid_until) AS valid_until
    FROM islands
    GROUP BY source_id, package_id, blob_id, island
),
held AS (
    SELECT source_id, package_id, blob_id, valid_from, coalesce(valid_until, 9223372036854775807) AS valid_until
    FROM holdings
)
(SELECT 'no holding' AS what, * FROM (FROM unions EXCEPT FROM held))
UNION ALL
(SELECT 'no reference' AS what, * FROM (FROM held EXCEPT FROM unions));
