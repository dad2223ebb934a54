-- One row per blob that the ledger knows and of whose content the snapshot gives another tag.
CREATE OR REPLACE TEMP TABLE changed_content_tags AS
SELECT o.blob_id, max(o.content_tag) AS content_tag
FROM offered AS o
WHERE o.blob_id IS NOT NULL AND o.content_tag IS NOT NULL
GROUP BY o.blob_id;
