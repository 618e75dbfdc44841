"""A worker of a PROCESS environment: asks the runner what it is to be, and becomes it.

Beam ships this step as a program inside its containers alone. A task manager of
Flink starts `runner_config/flink/boot.sh`, which starts this module.
"""

import os
import sys
from collections.abc import Sequence

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format

from pipelines.runtime.engine_logs import silence_workers
from pipelines.runtime.malloc import keep_freed_memory

_PATIENCE_SECONDS = 60.0


def environment_of(worker: str, provision_endpoint: str) -> dict[str, str]:
    """What Beam's worker reads from its environment.

    Args:
        worker: the id that the runner gave it.
        provision_endpoint: where the runner says what it is to be.
    """
    with grpc.insecure_channel(provision_endpoint) as channel:
        grpc.channel_ready_future(channel).result(_PATIENCE_SECONDS)
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = stub.GetProvisionInfo(request, metadata=[("worker_id", worker)]).info
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": _described(info.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": _described(info.control_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _described(endpoint: endpoints_pb2.ApiServiceDescriptor) -> str:
    text: str = text_format.MessageToString(endpoint)
    return text


def main(argv: Sequence[str]) -> None:
    """Work until the runner has no more to do."""
    # Every flag comes as --name=value, as Beam's own boot program takes it.
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in argv)
    given = environment_of(flags["id"], flags["provision_endpoint"])
    if not given["LOGGING_API_SERVICE_DESCRIPTOR"]:
        given["LOGGING_API_SERVICE_DESCRIPTOR"] = f"url: '{flags.get('logging_endpoint', '')}'"
    if not given["CONTROL_API_SERVICE_DESCRIPTOR"]:
        given["CONTROL_API_SERVICE_DESCRIPTOR"] = f"url: '{flags.get('control_endpoint', '')}'"
    os.environ.update(given)
    keep_freed_memory()
    silence_workers()
    sdk_worker_main.main([])


if __name__ == "__main__":
    main(sys.argv[1:])
