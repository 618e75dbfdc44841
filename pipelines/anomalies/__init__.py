"""Which venues, devices and persons have scans that do not look like people walking in and out.

In: scans of registered venues, and the peaks of footfall. Out: a flag with its p-value for each unit.
Refused: a malformed question. Scans are scored, never removed. Imports no Beam.
"""
