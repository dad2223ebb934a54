-- One row per stretch of a period in which the same packages held a shared blob: how many carry it, the first four of
-- them by name, and whether they are charged. A blob whose holders changed at more than 64 instants of the period is
-- `busy`: it has one row for the period, for holders × segments would be quadratic (accounting/billing/sharing.py shares it out).
CREATE OR REPLACE TEMP TABLE holder_segments AS
WITH boundaries AS (
    SELECT h.period_id, h.blob_id, h.span_from AS boundary FROM holder_spans AS h
    UNION SELECT h.period_id, h.blob_id, h.span_until AS boundary FROM holder_spans AS h
),
segments AS (
    SELECT b.period_id, b.blob_id, b.boundary AS segment_from,
           lead(b.boundary) OVER (PARTITION BY b.period_id, b.blob_id ORDER BY b.boundary) AS segment_until,
           count(*) OVER (PARTITION BY b.period_id, b.blob_id) > 64 AS busy
    FROM boundaries AS b
),
stretches AS (
    SELECT s.period_id, s.blob_id, s.segment_from, s.segment_until, s.busy
    FROM segments AS s
    WHERE NOT s.busy AND s.segment_until IS NOT NULL
    UNION ALL
    SELECT s.period_id, s.blob_id, min(s.segment_from), max(s.segment_until), s.busy
    FROM segments AS s
    WHERE s.busy
    GROUP BY s.period_id, s.blob_id, s.busy
),
held AS (
    SELECT s.*, h.package_id, k.format || '/' || k.name AS package, h.charged,
           max(h.charged) OVER (PARTITION BY s.period_id, s.blob_id, s.segment_from) AS any_charged
    FROM stretches AS s
    JOIN holder_spans AS h
        ON h.period_id = s.period_id AND h.blob_id = s.blob_id
        AND h.span_from < s.segment_until AND s.segment_from < h.span_until
    JOIN scope_packages AS k ON k.package_id = h.package_id
),
carriers AS (
    SELECT DISTINCT h.* EXCLUDE (charged)
    FROM held AS h
    WHERE h.busy OR h.charged = h.any_charged
)
SELECT c.period_id, c.blob_id, c.segment_from, c.segment_until, c.busy, c.any_charged AS charged, count(*) AS carriers,
       min(c.package, 4) AS first_carriers
FROM carriers AS c
GROUP BY c.period_id, c.blob_id, c.segment_from, c.segment_until, c.busy, c.any_charged;
