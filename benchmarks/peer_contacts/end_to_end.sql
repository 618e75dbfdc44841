-- The table `line` (person, enter, exit): the days of all venues laid end to end, so that
-- two inequalities alone say who meets whom, which is what an inequality join is made for.
CREATE TABLE line AS
SELECT
    person,
    epoch_us(enter) + place AS enter,
    epoch_us(exit) + place AS exit
FROM (SELECT *, dense_rank() OVER (ORDER BY venue) * 1_000_000_000_000 AS place FROM there);
