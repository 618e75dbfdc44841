"""Truy Vết beside its peers: the same input, one run, equal answers, ratios printed.

    python -m benchmarks [files_to_lake] [overlaps] [late_scans] [--scans N]

A peer whose rows differ from ours is no peer: every benchmark compares the
answers before it prints a ratio, and fails on a difference.
"""
