-- One row per item of advice that frees something, alone or in a set: what it is about, the bytes that it frees alone, and
-- the versions that go (of a deleted repository none, for its packages go), those that go along last.
CREATE OR REPLACE TEMP VIEW freeing_items AS
WITH items AS (
    SELECT DISTINCT item_id, kind, package_id, slug, of_present_repository
    FROM advised_versions
    WHERE item_id IN (SELECT unnest(items) FROM freed_bytes)
),
going AS (
    SELECT d.item_id, list(struct_pack(version_id := v.version_id, name := v.name, since := v.since,
                                        goes_along := d.goes_along) ORDER BY d.goes_along, v.since, v.name) AS versions
    FROM proposed_versions AS d
    JOIN present_versions AS v ON v.version_id = d.version_id
    GROUP BY d.item_id
)
SELECT p.item_id, p.kind, coalesce(k.format || '/' || k.name, p.slug) AS subject, coalesce(k.slug, p.slug) AS slug,
       p.of_present_repository, coalesce(f.size_bytes, 0) AS size_bytes, coalesce(g.versions, []) AS versions
FROM items AS p
LEFT JOIN present_packages AS k ON k.package_id = p.package_id
LEFT JOIN freed_bytes AS f ON f.items = [p.item_id]
LEFT JOIN going AS g ON g.item_id = p.item_id;
