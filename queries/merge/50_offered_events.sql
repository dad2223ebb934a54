-- One row per line of the event files offered (`event_lines`) that is not blank.
CREATE OR REPLACE TEMP TABLE offered_events AS
SELECT * FROM event_lines;
