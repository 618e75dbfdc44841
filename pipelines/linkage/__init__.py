"""Which identifiers are of one person: from the rows of `links`, without a name.

In: pairs of tokens seen together, with their kinds. Out: for each token the human it belongs to, and the
links that are refused because they would merge two people.
"""
