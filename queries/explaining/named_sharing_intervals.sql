-- One row per interval of a period in which the same packages held a shared blob: how many carry it, the first four of
-- them by name, and whether they are charged. A blob whose holders changed at more instants of the period than `limits` says is
-- `high_churn`: it has one row for the period, for holders × intervals would be quadratic (accounting/billing/sharing.py
-- shares it out).
CREATE OR REPLACE TEMP TABLE named_sharing_intervals AS
WITH boundaries AS (
    SELECT h.period_id, h.blob_id, h.held_from AS boundary FROM holder_intervals AS h
    UNION SELECT h.period_id, h.blob_id, h.held_until AS boundary FROM holder_intervals AS h
),
cuts AS (
    SELECT b.period_id, b.blob_id, b.boundary AS shared_from,
           lead(b.boundary) OVER (PARTITION BY b.period_id, b.blob_id ORDER BY b.boundary) AS shared_until,
           count(*) OVER (PARTITION BY b.period_id, b.blob_id) > l.high_churn AS high_churn
    FROM boundaries AS b
    CROSS JOIN limits AS l
),
intervals AS (
    SELECT s.period_id, s.blob_id, s.shared_from, s.shared_until, s.high_churn
    FROM cuts AS s
    WHERE NOT s.high_churn AND s.shared_until IS NOT NULL
    UNION ALL
    SELECT s.period_id, s.blob_id, min(s.shared_from), max(s.shared_until), s.high_churn
    FROM cuts AS s
    WHERE s.high_churn
    GROUP BY s.period_id, s.blob_id, s.high_churn
),
held AS (
    SELECT s.*, h.package_id, k.format || '/' || k.name AS package, h.charged,
           max(h.charged) OVER (PARTITION BY s.period_id, s.blob_id, s.shared_from) AS any_charged
    FROM intervals AS s
    JOIN holder_intervals AS h
        ON h.period_id = s.period_id AND h.blob_id = s.blob_id
        AND h.held_from < s.shared_until AND s.shared_from < h.held_until
    JOIN scope_packages AS k ON k.package_id = h.package_id
),
carriers AS (
    SELECT DISTINCT h.* EXCLUDE (charged)
    FROM held AS h
    WHERE h.high_churn OR h.charged = h.any_charged
)
SELECT c.period_id, c.blob_id, c.shared_from, c.shared_until, c.high_churn, c.any_charged AS charged, count(*) AS carriers,
       min(c.package, 4) AS first_carriers
FROM carriers AS c
GROUP BY c.period_id, c.blob_id, c.shared_from, c.shared_until, c.high_churn, c.any_charged;
