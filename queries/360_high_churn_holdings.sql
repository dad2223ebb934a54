-- One row per holding interval of a high-churn blob; what line of a bill its state interval stands for is in `high_churn_lines`.
CREATE OR REPLACE TEMP VIEW high_churn_holdings AS
SELECT t.workspace_id AS workspace_id, s.period_id AS period_id, s.blob_id AS blob_id, s.interval_id AS interval_id,
       s.charged AS charged, s.size_bytes AS size_bytes, s.held_from AS held_from, s.held_until AS held_until
FROM shared_holdings AS s
JOIN high_churn_blobs AS u ON u.period_id = s.period_id AND u.blob_id = s.blob_id
JOIN package_states AS t ON t.interval_id = s.interval_id;
