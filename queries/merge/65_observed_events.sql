-- One row per event that the collection brings. Ids are given so that at one instant repositories come before the
-- packages that link to them, and the events of a subject in the order in which they were told.
CREATE OR REPLACE TEMP TABLE observed_events AS
WITH subjects AS (
    SELECT DISTINCT subject, kind, workspace, format, package, CASE WHEN kind = 'repository' THEN slug END AS own_slug
    FROM (SELECT subject, kind, workspace, format, package, slug FROM observed
          UNION ALL
          SELECT subject, kind, workspace, format, package, slug FROM observed_before)
),
brought AS (
    SELECT subject, verb, occurred_at, slug, life, step FROM observed_deletions
    UNION ALL
    SELECT subject, verb, occurred_at, slug, NULL, 4 FROM observed_changes
    UNION ALL
    SELECT subject, 'linked', occurred_at, slug, NULL, 5 FROM observed_links
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY subject ORDER BY life NULLS LAST, step) AS number FROM brought
),
known AS (
    SELECT subject, count(*) AS events FROM observed_before GROUP BY subject
)
SELECT o.event_source,
       format('{}-{:06d} {} {}', CASE s.kind WHEN 'workspace' THEN 1 WHEN 'repository' THEN 2 ELSE 3 END,
              n.number + coalesce(k.events, 0), n.verb, n.subject) AS event_id,
       n.occurred_at, s.kind, n.verb, s.workspace, s.format, s.package,
       coalesce(s.own_slug, CASE WHEN s.kind = 'package' THEN n.slug END) AS slug, NULL::VARCHAR AS plan
FROM numbered AS n
CROSS JOIN observation AS o
JOIN subjects AS s ON s.subject = n.subject
LEFT JOIN known AS k ON k.subject = n.subject;
