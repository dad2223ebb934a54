-- One row per holding interval of a high-churn blob; what line of a bill its state interval stands for is in
-- `high_churn_lines`.
CREATE OR REPLACE TEMP VIEW high_churn_holdings AS
WITH blobs AS (
    SELECT DISTINCT g.period_id, g.blob_id FROM sharing_intervals AS g WHERE g.high_churn
)
SELECT t.workspace_id, s.period_id, s.blob_id, s.interval_id, s.charged, s.size_bytes, s.held_from, s.held_until
FROM shared_holdings AS s
JOIN blobs AS b ON b.period_id = s.period_id AND b.blob_id = s.blob_id
JOIN package_states AS t ON t.interval_id = s.interval_id;
