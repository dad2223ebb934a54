-- One row per row of the table of links offered (`link_rows`).
CREATE OR REPLACE TEMP TABLE offered_links AS
SELECT * FROM link_rows;
