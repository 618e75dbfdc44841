"""The worker of a PROCESS environment: asks the runner for its role, then becomes Beam's worker.

Beam ships this program only inside its containers. A task manager of Flink
starts `runner_config/flink/boot.sh`, which starts this module. One EXTERNAL
worker pool for all task managers does not work: two of them ask it for the
same worker id, `1-1`.
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
    """Return the environment variables that Beam's worker reads.

    Args:
        worker: id that the runner assigned.
        provision_endpoint: address of the runner's provision service.
    """
    with grpc.insecure_channel(provision_endpoint) as channel:
        grpc.channel_ready_future(channel).result(_PATIENCE_SECONDS)
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = stub.GetProvisionInfo(request, metadata=[("worker_id", worker)]).info
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": _text(info.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": _text(info.control_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _text(endpoint: endpoints_pb2.ApiServiceDescriptor) -> str:
    text: str = text_format.MessageToString(endpoint)
    return text


def main(argv: Sequence[str]) -> None:
    """Work until the runner has nothing more to do."""
    # Flags come as --name=value, as Beam's own boot program takes them.
    flags = dict(word.removeprefix("--").partition("=")[::2] for word in argv)
    variables = environment_of(flags["id"], flags["provision_endpoint"])
    # An endpoint that the provision info leaves out comes as a flag.
    if not variables["LOGGING_API_SERVICE_DESCRIPTOR"]:
        variables["LOGGING_API_SERVICE_DESCRIPTOR"] = f"url: '{flags.get('logging_endpoint', '')}'"
    if not variables["CONTROL_API_SERVICE_DESCRIPTOR"]:
        variables["CONTROL_API_SERVICE_DESCRIPTOR"] = f"url: '{flags.get('control_endpoint', '')}'"
    # Beam's worker is configured by the environment only.
    os.environ.update(variables)
    keep_freed_memory()
    silence_workers()
    sdk_worker_main.main([])


if __name__ == "__main__":
    main(sys.argv[1:])
