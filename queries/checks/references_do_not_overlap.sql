-- One row per reference that a source holds twice at one instant.
SELECT source_id, version_id, blob_id, valid_from, valid_until
FROM (
    SELECT *, lead(valid_from) OVER (
        PARTITION BY source_id, version_id, blob_id ORDER BY valid_from, valid_until NULLS LAST
    ) AS next_from
    FROM reference_intervals
)
WHERE next_from < coalesce(valid_until, 9223372036854775807);
