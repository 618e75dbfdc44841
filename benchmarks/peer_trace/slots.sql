-- The table `slotted` (person, venue, enter_us, exit_us, hour): a stay appears once for each hour that it touches,
-- so that a join by equality looks at few pairs that do not overlap.
CREATE TABLE slotted AS
SELECT *, unnest(range(enter_us // 3_600_000_000, (exit_us - 1) // 3_600_000_000 + 1)) AS hour
FROM stays;
