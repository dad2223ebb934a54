-- One row per period and blob whose holders changed so often that held × cuts would be quadratic: such a blob is
-- shared out by prefix sums over its cuts instead (accounting/billing/sharing.py).
CREATE OR REPLACE TEMP TABLE high_churn_blobs AS
SELECT DISTINCT g.period_id AS period_id, g.blob_id AS blob_id
FROM sharing_intervals AS g
JOIN periods AS p ON p.period_id = g.period_id
WHERE g.boundaries > 64 AND p.share = 'workspace';
