-- One row per event source and id that stands in the ledger more than once (RULES, section 3).
SELECT event_source, event_id, count(*) AS times
FROM events
GROUP BY event_source, event_id
HAVING count(*) > 1;
