"""Which identifiers are of one person: from the rows of `links`, without a name.

In: pairs of tokens seen together, with their kinds. Out: for each token the human it belongs to, as the table
`humans` and as a lake in which all tokens of a human are one. Links that would merge two people are refused.
"""
