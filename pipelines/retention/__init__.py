"""Forgetting: a lake and what must go in; the same lake out, as if it had never received those records.

`purge` forgets days before a horizon, `erase` a person. Both write down what is forgotten, remove the rows,
recompute what follows from them, and take old versions, log entries and files off the disk. `rotate` makes
every token again under a new key, and destroys the old one. Killed anywhere, they finish when run again.
Refused: a lake that is being written, and erasing a person who is needed for an active case.
"""
