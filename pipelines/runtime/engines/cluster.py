"""A Flink session cluster on this machine, and `make flink-cluster`: for tests, and to look at one.

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
        address: of its REST interface, `localhost:port`.
        task_managers: the processes, in the order they were started.
    """

    def __init__(self, jars: Path, task_managers: int, rest_port: int) -> None:
        """Start it and wait until the job manager listens.

        Raises:
            ServiceError: a jar, Java or a process of it is missing.
        """
        self._command = java_command(jars, "640m")
        self._rpc_port = free_port()
        self.address = f"localhost:{rest_port}"
        self.task_managers: list[Program] = []
        self._job_manager = self._program(
            _JOB_MANAGER, "the job manager of Flink", f"-Drest.port={rest_port}"
        )
        self._job_manager.wait_for(self.address)
        for _ in range(task_managers):
            self.add_task_manager()

    def add_task_manager(self) -> None:
        """Start one more."""
        self.task_managers.append(self._program(_TASK_MANAGER, "a task manager of Flink"))

    def stop(self) -> None:
        """End all of it."""
        for program in (*self.task_managers, self._job_manager):
            program.stop()

    def _program(self, entry: str, name: str, *settings: str) -> Program:
        """One process of the cluster; its heap is what the settings divide."""
        given = ["--configDir", str(_SETTINGS.parent), f"-Djobmanager.rpc.port={self._rpc_port}", *settings]
        return Program(name, [*self._command, entry, *given])


@contextlib.contextmanager
def session_cluster(task_managers: int = 2, rest_port: int | None = None) -> Iterator[SessionCluster]:
    """A cluster for the time of the block, by default at a free port.

    Raises:
        ServiceError: it cannot be started.
    """
    wanted = load_runner("flink-cluster").job_server
    assert wanted is not None
    cluster = SessionCluster(wanted.jars, task_managers, rest_port or free_port())
    try:
        yield cluster
    finally:
        cluster.stop()


def main() -> int:
    """Run a cluster until interrupted."""
    parser = Parser("python -m pipelines.runtime.engines.cluster", __doc__ or "")
    parser.add_argument("--task-managers", type=int, default=2)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
