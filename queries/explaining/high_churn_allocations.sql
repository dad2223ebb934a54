-- One row per longest interval in which a package held a high-churn blob, as accounting/billing/sharing.py shares it out; an interval that
-- is an allocation of a package asked for has its number.
CREATE OR REPLACE TEMP VIEW high_churn_allocations AS
WITH high_churn AS (
    SELECT DISTINCT g.period_id, g.blob_id FROM named_sharing_intervals AS g WHERE g.high_churn
)
SELECT p.period_id, p.blob_id, p.allocation_id, p.charged, p.size_bytes, p.allocated_from, p.allocated_until
FROM allocations AS p
WHERE p.high_churn
UNION ALL
SELECT h.period_id, h.blob_id, 0, h.charged, h.size_bytes, h.held_from, h.held_until
FROM holder_intervals AS h
SEMI JOIN high_churn AS b ON b.period_id = h.period_id AND b.blob_id = h.blob_id
ANTI JOIN explained_packages AS x ON x.package_id = h.package_id;
