"""From a broker to the lake, and from a case to its exposure list on another topic.

In: messages of scans and of cases. Out: sealed segments, then the same commits as from files; lists.
Refused: a poison message becomes a row of `rejects`. Nothing is acknowledged before it is durable.

After a kill, `land` starts again from `landing_spool`: segments that were acknowledged and planned batches
wait there until `committer` has brought them into the lake.
"""
