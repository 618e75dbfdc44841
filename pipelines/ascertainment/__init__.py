"""What surrounds the scans: how much of what happens is in the lake at all.

In: tables of the lake, areas with their populations. Out: counts of people with their uncertainty.
Refused: a malformed question. Imports no Beam, but for the job that makes `point_days`.
"""
