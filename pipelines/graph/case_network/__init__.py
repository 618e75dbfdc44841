"""The person–venue–time network of one case, as a graph, a file or a picture.

In: a trace of the case. Out: a networkx graph with the stays that connect people and venues; GraphML, GEXF,
SVG and PNG, the same bytes for the same rows. Refused: a file name with an unknown ending.
"""
