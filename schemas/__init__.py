"""Wire contracts, Arrow schemas of the tables, pairing rules and rule packs: data, not logic."""
