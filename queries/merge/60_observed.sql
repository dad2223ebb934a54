-- One row per subject that a registry's database shows (`observed_rows`) and instant of its deletion (null: it is
-- there). What is to be deleted after the instant of the collection is there; more than one slug is a contradiction.
CREATE OR REPLACE TEMP TABLE observed AS
WITH named AS (
    SELECT concat_ws('/', r.workspace, CASE WHEN r.package IS NULL THEN r.repository END, r.format, r.package)
               AS subject,
           CASE WHEN r.package IS NOT NULL THEN 'package' WHEN r.repository IS NOT NULL THEN 'repository'
                ELSE 'workspace' END AS kind,
           r.workspace, r.format, r.package, r.repository, r.created_at, o.observed_at,
           CASE WHEN r.deleted_at <= o.observed_at THEN r.deleted_at END AS deleted_at
    FROM observed_rows AS r
    CROSS JOIN observation AS o
)
SELECT subject, kind, workspace, format, package, min(repository) AS slug, max(repository) AS other_slug, deleted_at,
       CASE WHEN count(created_at) > 0 THEN least(min(created_at), deleted_at, any_value(observed_at)) END
           AS created_at
FROM named
GROUP BY subject, kind, workspace, format, package, deleted_at;
