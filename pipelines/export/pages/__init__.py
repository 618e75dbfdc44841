"""Exposure lists as pages: the report and the public notice, with their drawings and words.

In: a list that was made. Out: one HTML file each, which asks for nothing over the network. Refused: nothing.
"""
