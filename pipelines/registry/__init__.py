"""What is known of venues: the table `venues`, and the scans whose venue it does not hold.

In: rows of the registry and accepted scans. Out: codes and names for answers, types and closing times for
pairing, listings with their history, codes that are confusingly alike, and counts of unregistered scans.
Refused: nothing; a scan of an unknown venue waits until the registry knows it.
"""
