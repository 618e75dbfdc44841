"""Run a Beam pipeline on a named engine and bring its result, errors and metrics back.

In: a function that adds steps to a pipeline. Out: the typed result that the last step wrote.
Refused: an unknown engine or option; an error of a step is raised as the step raised it.
"""
