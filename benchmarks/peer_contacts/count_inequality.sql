-- Number of contacts, by the inequality join over `line`: one row (contacts).
SELECT count(*)
FROM line AS x
JOIN line AS y ON x.enter < y.exit AND y.enter < x.exit AND x.person < y.person;
