-- One row per longest stretch in which a package held a busy blob, as accounting/billing/sharing.py shares it out; a stretch that
-- is a piece of a package asked for has its number.
CREATE OR REPLACE TEMP VIEW busy_pieces AS
WITH busy AS (
    SELECT DISTINCT g.period_id, g.blob_id FROM holder_segments AS g WHERE g.busy
)
SELECT p.period_id, p.blob_id, p.piece_id, p.charged, p.size_bytes, p.piece_from, p.piece_until
FROM pieces AS p
WHERE p.busy
UNION ALL
SELECT h.period_id, h.blob_id, 0, h.charged, h.size_bytes, h.span_from, h.span_until
FROM holder_spans AS h
SEMI JOIN busy AS b ON b.period_id = h.period_id AND b.blob_id = h.blob_id
ANTI JOIN explained_packages AS x ON x.package_id = h.package_id;
