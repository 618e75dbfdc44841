"""A Flink session cluster on this machine, for tests and `make flink-cluster`.

A real one is deployed by Flink's own scripts, images or operator, with the jars
of `make flink` and the settings of `runner_config/flink/flink-conf.yaml`.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipelines.errors import TruyVetError
from pipelines.runtime.engines.config import FOLDER, load_runner
from pipelines.runtime.engines.java import Program, free_port, java_command
from pipelines.terminal.parser import Parser

_JOB_MANAGER: Final = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER: Final = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_SETTINGS: Final = FOLDER / "flink" / "flink-conf.yaml"


class SessionCluster:
    """A job manager and its task managers, one process each.

    Attributes:
        address: its REST interface, `localhost:port`.
        task_managers: the processes, in the order they were started.
    """

    def __init__(self, jars: Path, task_managers: int, rest_port: int) -> None:
        """Start it and wait until the job manager listens.

        Raises:
            ServiceError: the jars or Java are missing, or a process did not start.
        """
        self._command = java_command(jars, "640m")  # the heap of flink-conf.yaml: framework 128m, task 512m
        # How the task managers find the job manager.
        self._rpc_port = free_port()
        self.address = f"localhost:{rest_port}"
        self.task_managers: list[Program] = []
        self._job_manager = self._program(_JOB_MANAGER, "Flink's job manager", f"-Drest.port={rest_port}")
        self._job_manager.wait_for(self.address)
        for _ in range(task_managers):
            self.add_task_manager()

    def add_task_manager(self) -> None:
        """Start one more task manager."""
        self.task_managers.append(self._program(_TASK_MANAGER, "a Flink task manager"))

    def stop(self) -> None:
        """Stop all processes."""
        for program in (*self.task_managers, self._job_manager):
            program.stop()

    def _program(self, entry: str, name: str, *settings: str) -> Program:
        """Start one process of the cluster, whose heap `flink-conf.yaml` divides."""
        given = ["--configDir", str(_SETTINGS.parent), f"-Djobmanager.rpc.port={self._rpc_port}", *settings]
        return Program(name, [*self._command, entry, *given])


@contextlib.contextmanager
def session_cluster(task_managers: int = 2, rest_port: int | None = None) -> Iterator[SessionCluster]:
    """Run a cluster for the time of the block, by default on a free port.

    Raises:
        ServiceError: it cannot be started.
    """
    job_server = load_runner("flink-cluster").job_server
    assert job_server is not None
    cluster = SessionCluster(job_server.jars, task_managers, rest_port or free_port())
    try:
        yield cluster
    finally:
        cluster.stop()


def main() -> int:
    """Run a cluster until interrupted."""
    parser = Parser("python -m pipelines.runtime.engines.cluster", __doc__ or "")
    parser.add_argument("--task-managers", type=int, default=2)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the processes then, too
    try:
        with session_cluster(args.task_managers, 8081) as cluster, contextlib.suppress(KeyboardInterrupt):
            print(f"Flink at http://{cluster.address}; truyvet run --runner flink-cluster …", flush=True)
            signal.pause()
    except TruyVetError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
