-- One row per package that several sources see in the periods.
CREATE OR REPLACE TEMP TABLE twice_seen_packages AS
SELECT h.package_id
FROM scope_holdings AS h
GROUP BY h.package_id
HAVING MIN(h.source_id) <> MAX(h.source_id);
