-- Two sides as bags of rows; a row is compared by a 64-bit hash of its columns.
-- Filled in: {columns}, {ours}, {theirs} (files), {person}, {persons}, {missing} (for tables of persons).
-- Tables:  persons, venues (peer, ours). A peer's hash that is not in them stays NULL and differs.
-- Columns: rows of ours, rows only in ours, rows only in theirs.
WITH carried AS (
    SELECT {person} venues.ours AS venue, theirs.* EXCLUDE (venue {excluded})
    FROM (SELECT * FROM {theirs}) AS theirs
    LEFT JOIN venues ON venues.peer = theirs.venue
    {persons}
),
sides AS (
    SELECT hash({columns}) AS row, 1 AS side FROM {ours}
    UNION ALL
    SELECT hash({columns}), -1 FROM carried
),
bags AS (
    SELECT row, sum(side) AS surplus, count(*) FILTER (side = 1) AS ours FROM sides GROUP BY row
)
SELECT
    coalesce(sum(ours), 0),
    coalesce(sum(surplus) FILTER (surplus > 0), 0),
    coalesce(-sum(surplus) FILTER (surplus < 0), 0)
FROM bags
