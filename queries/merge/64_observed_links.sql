-- One row per package whose link is another one than its events say. A link counts from the collection that shows it;
-- but what was created in a repository that was created again goes to the new one as soon as that is there.
CREATE OR REPLACE TEMP TABLE observed_links AS
WITH brought AS (
    SELECT subject, verb, occurred_at, slug, life, step FROM observed_deletions
    UNION ALL
    SELECT subject, verb, occurred_at, slug, NULL, 4 FROM observed_changes
),
timeline AS (
    SELECT subject, occurred_at, slug, 1 AS turn, event_id, NULL AS life, NULL AS step
    FROM observed_before
    WHERE kind = 'package' AND slug IS NOT NULL
    UNION ALL
    SELECT subject, occurred_at, slug, 2, NULL, life, step FROM brought WHERE verb = 'created' AND slug IS NOT NULL
),
known AS (
    SELECT subject, last(slug ORDER BY occurred_at, turn, event_id, life, step) AS slug,
           max(occurred_at) AS linked_at, bool_or(turn = 2) AS newly_created
    FROM timeline
    GROUP BY subject
),
shown AS (
    SELECT subject, workspace, first(slug ORDER BY deleted_at DESC NULLS FIRST) AS slug
    FROM observed
    WHERE kind = 'package'
    GROUP BY subject, workspace
),
created_again AS (
    SELECT subject, max(occurred_at) AS created_at FROM brought WHERE verb = 'created' AND step > 1 GROUP BY subject
)
SELECT s.subject, s.slug,
       CASE WHEN k.slug = s.slug THEN r.created_at ELSE o.observed_at END AS occurred_at
FROM shown AS s
CROSS JOIN observation AS o
LEFT JOIN known AS k ON k.subject = s.subject
LEFT JOIN created_again AS r ON r.subject = concat_ws('/', s.workspace, s.slug)
WHERE s.slug IS NOT NULL
  AND (k.slug IS DISTINCT FROM s.slug
       OR k.newly_created AND o.observed_before IS NOT NULL AND k.linked_at < r.created_at);
