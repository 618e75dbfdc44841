"""Numbers of the random streams; one per kind of decision, independent of the others."""

PLACES, FAVOURITES, PEOPLE, WORK, DAY, SIGHT, PHONE_CLOCK, READER_CLOCK = range(1, 9)
PHONE_OFFLINE, READER_OFFLINE, FLAW, INFECTION, COURSE, SEEDS, BLUETOOTH, DECLARING = range(9, 17)
REGISTRY, REPORTS, EVENT_ID, LINKING, PLANTING = range(17, 22)
