"""The engines that carry out a pipeline: which there are, and how each is reached.

Comes in: a name or a file of `runner_config/`. Goes out: Beam options, and a job
server where the engine needs one. Refused: unknown options, and an engine whose
parts are not on this machine, each with the remedy. `pipelines.runtime.run_pipeline` runs.
"""
