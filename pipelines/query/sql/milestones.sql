-- The stays of one person that overlap a window, whole: the time-places (mốc dịch tễ) of a case.
-- Tables:     venues (venue, venue_code, name, type), stays (of the person: venue, enter, exit,
--             enter_kind, exit_kind, stay_id).
-- Parameters: $start_us, $end_us (microseconds UTC), $publish (leave homes out).
-- Columns:    venue, name, enter, exit, enter_kind, exit_kind.
SELECT
    coalesce(venues.venue_code, printf('%016x', stays.venue)) AS venue,
    venues.name,
    stays.enter,
    stays.exit,
    stays.enter_kind,
    stays.exit_kind
FROM stays
LEFT JOIN venues ON venues.venue = stays.venue
WHERE
    greatest(stays.enter, make_timestamptz($start_us)) < least(stays.exit, make_timestamptz($end_us))
    AND NOT ($publish AND venues.type IS NOT DISTINCT FROM 'home')
ORDER BY stays.enter, 1, stays.exit, stays.stay_id
