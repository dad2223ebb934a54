-- One row per subject that is there although its events say that it is deleted, or is not there although they say that
-- it is, with the event that puts this right. What has no row any more was deleted when it was last seen (`vanished`).
CREATE OR REPLACE TEMP TABLE observed_changes AS
WITH timeline AS (
    SELECT subject, verb, occurred_at, 1 AS turn, event_id, NULL AS life, NULL AS step
    FROM observed_before
    WHERE verb <> 'linked'
    UNION ALL
    SELECT subject, verb, occurred_at, 2, NULL, life, step FROM observed_deletions
),
lasts AS (
    SELECT subject, last(verb ORDER BY occurred_at, turn, event_id, life, step) AS verb,
           max(occurred_at) AS occurred_at, bool_or(turn = 2 AND verb = 'deleted') AS newly_deleted
    FROM timeline
    GROUP BY subject
),
compared AS (
    SELECT l.subject, l.occurred_at, l.newly_deleted, o.observed_before, o.observed_at, t.slug, t.created_at,
           t.subject IS NOT NULL AS is_there, l.verb = 'deleted' AS was_deleted,
           -- Beside the row of its deletion the row that is there is another's; without it, it is that row changed.
           d.subject IS NOT NULL OR coalesce(t.created_at > l.occurred_at, false) AS is_another
    FROM lasts AS l
    CROSS JOIN observation AS o
    LEFT JOIN observed AS t ON t.subject = l.subject AND t.deleted_at IS NULL
    LEFT JOIN observed AS d ON d.subject = l.subject AND d.deleted_at = l.occurred_at
)
SELECT subject,
       CASE WHEN NOT is_there THEN 'deleted' WHEN is_another THEN 'created' ELSE 'restored' END AS verb,
       CASE WHEN NOT is_there THEN CASE WHEN newly_deleted THEN occurred_at ELSE observed_before END
            WHEN is_another AND created_at >= occurred_at THEN created_at ELSE observed_at END AS occurred_at,
       CASE WHEN is_there AND is_another THEN slug END AS slug, NOT is_there AND NOT newly_deleted AS vanished
FROM compared
WHERE is_there = was_deleted;
