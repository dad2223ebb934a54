-- One row per interval in which the same number of packages held a blob: of those charged, and of all.
CREATE OR REPLACE TEMP TABLE sharing_intervals AS
WITH boundaries AS (
    SELECT s.period_id AS period_id, s.blob_id AS blob_id, s.held_from AS boundary, s.charged AS charged, 1 AS held
    FROM shared_holdings AS s
    UNION ALL
    SELECT s.period_id AS period_id, s.blob_id AS blob_id, s.held_until AS boundary, -s.charged AS charged,
           -1 AS held
    FROM shared_holdings AS s
),
steps AS (
    SELECT b.period_id AS period_id, b.blob_id AS blob_id, b.boundary AS boundary,
           SUM(b.charged) AS charged_step, SUM(b.held) AS held_step
    FROM boundaries AS b
    GROUP BY b.period_id, b.blob_id, b.boundary
    HAVING SUM(b.charged) <> 0 OR SUM(b.held) <> 0
),
cuts AS (
    SELECT s.period_id AS period_id, s.blob_id AS blob_id, s.boundary AS shared_from,
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
SELECT s.period_id AS period_id, s.blob_id AS blob_id, s.shared_from AS shared_from,
       s.shared_until AS shared_until, s.charged_holders AS charged_holders, s.holders AS holders,
       s.boundaries AS boundaries
FROM cuts AS s
WHERE s.holders > 0;
