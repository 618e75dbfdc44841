-- Stays as people read them: ids as text, the venue's names, and times on the wall clock.
-- Filled in (quoted by `connect`): {timezone}.
-- Tables:     stays, venues (the views of `connect`); the macro token_text.
-- Columns:    person, venue_code, name, type, district_code, zone, enter, exit (TIMESTAMP, local), enter_kind,
--             exit_kind, last_seen (TIMESTAMP, local), scans, stay_id, date (of `enter`, UTC as in `stays`).
CREATE TEMP VIEW visits AS
SELECT
    token_text(stays.person) AS person,
    coalesce(venues.venue_code, token_text(stays.venue)) AS venue_code,
    venues.name,
    venues.type,
    venues.district_code,
    stays.zone,
    timezone({timezone}, stays.enter) AS enter,
    timezone({timezone}, stays.exit) AS exit,
    stays.enter_kind,
    stays.exit_kind,
    timezone({timezone}, stays.last_seen) AS last_seen,
    stays.scans,
    token_text(stays.stay_id) AS stay_id,
    stays.date
FROM stays
LEFT JOIN venues ON venues.venue = stays.venue
