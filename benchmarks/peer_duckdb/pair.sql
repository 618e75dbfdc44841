-- Scans become stays, by the pairing rule.
-- Reads: scans, venues (both with at least the columns used here); the variable bounce_us.
-- Tables made: stays. Times are microseconds UTC until they are written.
--
-- One order serves both neighbours: by person, scans sorted by (time, venue, out first, event key). Within a
-- venue that is the rule's order, so a neighbour at another venue is the last or next scan elsewhere, but for
-- scans elsewhere at the same instant that sort on the other side; `crossings` holds those instants.
CREATE TABLE linked AS
WITH placed AS (
    SELECT
        person,
        venue,
        epoch_us(occurred_at) AS at_us,
        direction = 'out' AS is_out,
        direction = 'in' AS is_in,
        scans.zone,
        dwell_us,
        max_stay_us,
        event_key
    FROM scans JOIN venues USING (venue)
    WHERE closed_at IS NULL OR occurred_at < closed_at
),
neighbours AS (
    SELECT
        *,
        lag(at_us) OVER anywhere AS previous_at_us,
        lag(venue) OVER anywhere AS previous_venue,
        lead(at_us) OVER anywhere AS next_at_us,
        lead(venue) OVER anywhere AS next_venue,
        lag(at_us) OVER here AS previous_here_at_us,
        lag(is_out) OVER here AS previous_was_out,
        lead(at_us) OVER here AS next_here_at_us,
        lead(is_in) OVER here AS next_is_in
    FROM placed
    WINDOW
        anywhere AS (PARTITION BY person ORDER BY at_us, venue, is_out DESC, event_key),
        here AS (PARTITION BY person, venue ORDER BY at_us, is_out DESC, event_key)
),
marked AS (
    SELECT
        * EXCLUDE (
            previous_here_at_us, previous_was_out, previous_venue, next_at_us, next_venue, max_stay_us,
            is_in, next_here_at_us, next_is_in
        ),
        -- One arrival that two antennas read, if the `out` begins a stay.
        is_out AND coalesce(next_is_in AND next_here_at_us - at_us <= getvariable('bounce_us'), false) AS bounces,
        previous_at_us = at_us AND previous_venue <> venue AS crosses,
        CASE WHEN next_venue <> venue THEN next_at_us END AS next_elsewhere_at_us,
        NOT coalesce(
            NOT previous_was_out
            AND at_us - previous_here_at_us <= CASE WHEN is_out THEN max_stay_us ELSE dwell_us END,
            false
        ) AS begins
    FROM neighbours
)
SELECT
    *,
    -- A running sum of DOUBLE is exact here and takes half the time of one of INTEGER, which is HUGEINT.
    sum(begins::INTEGER::DOUBLE) OVER (
        PARTITION BY person, venue ORDER BY at_us, is_out DESC, event_key ROWS UNBOUNDED PRECEDING
    )::INTEGER AS stay
FROM marked;

CREATE TABLE crossings AS SELECT DISTINCT person, at_us FROM linked WHERE crosses;

CREATE TABLE stays AS
WITH grouped AS (
    SELECT
        person,
        venue,
        stay,
        min(at_us) AS first_at_us,
        max(at_us) AS last_at_us,
        count(*)::INTEGER AS scans,
        bool_or(is_out) AS closed,
        CASE WHEN min(zone) = max(zone) THEN min(zone) END AS zone,
        min(previous_at_us) AS previous_at_us,        -- read for a lone `out` only, where it is that scan's
        max(next_elsewhere_at_us) AS next_at_us,      -- before last_at_us: of an earlier scan, so none follows the last
        max(event_key) FILTER (begins) AS first_event_key,
        any_value(dwell_us) AS dwell_us
    FROM linked
    WHERE NOT (bounces AND begins)
    GROUP BY person, venue, stay
),
crossed AS (
    SELECT
        grouped.* REPLACE (
            CASE WHEN crossings.at_us IS NOT NULL THEN last_at_us ELSE previous_at_us END AS previous_at_us,
            CASE WHEN crossings.at_us IS NOT NULL THEN last_at_us WHEN next_at_us >= last_at_us THEN next_at_us END AS next_at_us
        )
    FROM grouped LEFT JOIN crossings ON crossings.person = grouped.person AND crossings.at_us = last_at_us
),
bounded AS (
    SELECT
        *,
        closed AND scans = 1 AS lone_out,
        CASE
            WHEN closed AND scans = 1 THEN greatest(last_at_us - dwell_us, previous_at_us) ELSE first_at_us
        END AS enter_us,
        coalesce(next_at_us < last_at_us + dwell_us, false) AS cut
    FROM crossed
)
SELECT
    person,
    venue,
    stay,
    zone,
    enter_us,
    greatest(
        enter_us + 1_000_000,
        CASE WHEN closed THEN last_at_us WHEN cut THEN next_at_us ELSE last_at_us + dwell_us END
    ) AS exit_us,
    CASE WHEN lone_out THEN 'imputed' ELSE 'scanned' END::enter_kind AS enter_kind,
    CASE WHEN closed THEN 'scanned' WHEN cut THEN 'next_scan' ELSE 'default' END::exit_kind AS exit_kind,
    last_at_us AS last_seen_us,
    scans,
    hash(first_event_key) AS stay_id,
    make_timestamptz(enter_us)::DATE AS date
FROM bounded;

DROP TABLE linked;
