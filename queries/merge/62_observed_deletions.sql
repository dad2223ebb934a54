-- One row per event that instants of deletion bring which no earlier collection has seen: of a subject seen for the
-- first time its creation, then each deletion, and before a deletion of what is deleted already what brought it back
-- in between, for else the first deletion would count (RULES, section 3). `life` and `step` tell their order.
CREATE OR REPLACE TEMP TABLE observed_deletions AS
WITH firsts AS (
    SELECT s.subject, first(s.slug ORDER BY s.deleted_at NULLS LAST) AS slug,
           -- Not there at the collection before; or, at the first collection, there all along.
           least(coalesce(first(s.created_at ORDER BY s.deleted_at NULLS LAST), any_value(o.observed_before), 0),
                 min(s.deleted_at)) AS created_at
    FROM observed AS s
    CROSS JOIN observation AS o
    ANTI JOIN observed_before AS b ON b.subject = s.subject
    GROUP BY s.subject
),
deletions AS (
    SELECT s.subject, s.slug, s.created_at, s.deleted_at
    FROM observed AS s
    ANTI JOIN observed_before AS b
        ON b.subject = s.subject AND b.verb = 'deleted' AND b.occurred_at = s.deleted_at
    WHERE s.deleted_at IS NOT NULL
),
timeline AS (
    SELECT subject, created_at AS occurred_at, 'created' AS verb, 1 AS turn, NULL AS event_id, slug,
           NULL AS created_at
    FROM firsts
    UNION ALL
    SELECT subject, occurred_at, verb, 2, event_id, slug, NULL FROM observed_before WHERE verb <> 'linked'
    UNION ALL
    SELECT subject, deleted_at, 'deleted', 3, NULL, slug, created_at FROM deletions
),
followed AS (
    SELECT *, lag(verb) OVER subjects AS verb_before, lag(occurred_at) OVER subjects AS occurred_before
    FROM timeline
    WINDOW subjects AS (PARTITION BY subject ORDER BY occurred_at, turn, event_id)
),
returns AS (
    SELECT f.subject, f.slug, f.created_at, f.occurred_before, f.occurred_at AS deleted_at,
           -- Beside the row of the deletion before this one is another's; without it, it is that row changed.
           s.subject IS NOT NULL OR coalesce(f.created_at > f.occurred_before, false) AS is_another
    FROM followed AS f
    LEFT JOIN observed AS s ON s.subject = f.subject AND s.deleted_at = f.occurred_before
    WHERE f.turn = 3 AND f.verb_before = 'deleted'
)
SELECT subject, 'created' AS verb, created_at AS occurred_at, slug, created_at AS life, 1 AS step FROM firsts
UNION ALL
SELECT subject, CASE WHEN is_another THEN 'created' ELSE 'restored' END,
       CASE WHEN is_another AND created_at >= occurred_before THEN created_at ELSE deleted_at END,
       CASE WHEN is_another THEN slug END, deleted_at, 2
FROM returns
UNION ALL
SELECT subject, 'deleted', deleted_at, NULL, deleted_at, 3 FROM deletions;
