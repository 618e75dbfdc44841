-- Before the last hop: people found earlier keep their row and are not searched for.
INSERT INTO closed SELECT person FROM best;
