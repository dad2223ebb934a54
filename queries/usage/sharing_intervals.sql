-- One row per interval in which the same number of packages held a blob: of those charged, of all, and of those that carry
-- it, who are the charged ones, or all where none is charged (RULES, section 4). A blob is `high_churn` where its holders
-- changed so often that holdings × intervals would be quadratic: it is shared out by prefix sums over its intervals instead
-- (accounting/billing/sharing.py).
CREATE OR REPLACE TEMP TABLE sharing_intervals AS
WITH boundaries AS (
    SELECT s.period_id, s.blob_id, s.held_from AS boundary, s.charged, 1 AS held
    FROM shared_holdings AS s
    UNION ALL
    SELECT s.period_id, s.blob_id, s.held_until AS boundary, -s.charged,
           -1 AS held
    FROM shared_holdings AS s
),
steps AS (
    SELECT b.period_id, b.blob_id, b.boundary,
           SUM(b.charged) AS charged_step, SUM(b.held) AS held_step
    FROM boundaries AS b
    GROUP BY b.period_id, b.blob_id, b.boundary
    HAVING SUM(b.charged) <> 0 OR SUM(b.held) <> 0
),
cuts AS (
    SELECT s.period_id, s.blob_id, s.boundary AS shared_from,
           LEAD(s.boundary) OVER (PARTITION BY s.period_id, s.blob_id ORDER BY s.boundary) AS shared_until,
           SUM(s.charged_step) OVER (
               PARTITION BY s.period_id, s.blob_id ORDER BY s.boundary
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS charged_holders,
           SUM(s.held_step) OVER (
               PARTITION BY s.period_id, s.blob_id ORDER BY s.boundary
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS holders,
           COUNT(*) OVER (PARTITION BY s.period_id, s.blob_id) AS boundaries
    FROM steps AS s
)
SELECT s.period_id, s.blob_id, s.shared_from, s.shared_until, s.charged_holders, s.holders,
       CASE WHEN s.charged_holders > 0 THEN s.charged_holders ELSE s.holders END AS carriers,
       s.boundaries > l.high_churn AND p.share = 'workspace' AS high_churn
FROM cuts AS s
JOIN periods AS p ON p.period_id = s.period_id
CROSS JOIN limits AS l
WHERE s.holders > 0;
