"""The tables `contacts` and `crowds`: pairs of people who were at a venue together, written per date.

In: `stays` and `footfall` of the dates asked for. Out: rows of both tables, in
one commit each, and marks that say what they reflect; later changes of stays
rewrite them. Windows over the crowd cap are not expanded into pairs.
"""
