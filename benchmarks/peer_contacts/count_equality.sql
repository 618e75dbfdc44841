-- Number of contacts, joined by the equality of venues: one row (contacts).
SELECT count(*)
FROM there AS x
JOIN there AS y
    ON x.venue = y.venue AND x.enter < y.exit AND y.enter < x.exit AND x.person < y.person;
