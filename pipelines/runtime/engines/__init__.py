"""The engines that run a pipeline, and how each is reached.

In: a name, or a file like those of `runner_config/`. Out: Beam's options, and a job server where the
engine needs one. Refused: unknown options, and engines that are not installed, each with the remedy.
`pipelines.runtime.run_pipeline` runs a pipeline on one.
"""
