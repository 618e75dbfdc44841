"""F1 to Fk of cases: from stays, encounters and a rule pack to ranked rows with provenance.

In: the sidecars of `stays` in both orders, `encounters`, cases and one rule.
Out: Arrow tables, computed afresh for each question; nothing is written.
Refused: unknown cases, cases without onset and sample, malformed rules.

`trace` is the public function. `search` goes hop by hop, and each hop either
joins overlaps one infector at a time (`overlap_join`, `exposure_criteria`) or
sweeps all venues date by date (`sweep`, `sweep_cumulative`, `last_contact`).
`provenance` measures the contacts found, `score` ranks them, `rows` writes
them down. No pair of people is ever stored that a question does not ask for.
"""
