-- One row per holding that tells other than its blob's size, or other than whether several packages have held it.
SELECT h.package_id, h.blob_id, h.size_bytes, b.size_bytes AS blob_size_bytes, h.shared, o.packages
FROM holdings AS h
JOIN (SELECT blob_id, count(DISTINCT package_id) AS packages FROM holdings GROUP BY blob_id) AS o USING (blob_id)
LEFT JOIN blobs AS b ON b.blob_id = h.blob_id
WHERE h.size_bytes IS DISTINCT FROM b.size_bytes OR h.shared <> (o.packages > 1);
