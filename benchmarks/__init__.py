"""Compare Truy Vết with other tools on the same input, in one run, and print ratios.

    python -m benchmarks [files_to_lake] [one_person] [late_scans] … [--scans N]

Every benchmark compares the answers of both sides before it prints a ratio and
fails if they differ.
"""
