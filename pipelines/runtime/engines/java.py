"""Java programs beside this process: which Java, whether they listen, and that none outlives us."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipelines.errors import ServiceError

VERSIONS: Final = (11, 17)
"""The Javas that Flink 1.19 supports."""

_OPENED: Final = (
    *("java.util", "java.lang", "java.net", "java.io", "java.nio", "java.lang.reflect", "java.text"),
    *("java.time", "sun.nio.ch", "java.util.concurrent", "java.util.concurrent.atomic", "sun.net.util"),
)
"""What Java 17 would keep from Flink's serializers."""

_PATIENCE_SECONDS: Final = 90.0
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')

# The first part ends the program when the pipe to this process breaks, however this process ends.
_ENDS_WITH_US: Final = 'exec 3<&0; { read _ <&3; kill -9 $$ 2>&-; } & exec "$@" </dev/null 3<&-'


def find_java() -> str:
    """The path of a Java that Flink runs on, of `JAVA_HOME` when it is set.

    Raises:
        ServiceError: there is none, or its version is another.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(os.path.join(home, "bin", "java") if home else "java")
    wanted = " or ".join(map(str, VERSIONS))
    if java is None:
        raise ServiceError(
            f"there is no Java in JAVA_HOME={home}" if home else "there is no Java",
            f"install Java {wanted}, or name its folder with JAVA_HOME",
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = _VERSION.search(said.stderr + said.stdout)
    if match is None or int(match[1]) not in VERSIONS:
        found = f"Java {match[1]}" if match else "no Java that says its version"
        raise ServiceError(f"{java} is {found}", f"Flink needs {wanted}: name its folder with JAVA_HOME")
    return java


def find_jars(folder: Path) -> str:
    """The class path of a folder of jars.

    Raises:
        ServiceError: Beam's Flink runner is not in it.
    """
    if not any(folder.glob("beam-runners-flink-*.jar")):
        raise ServiceError(f"the jars of Flink are not in {folder}", "run make flink, it needs Maven")
    return f"{folder}/*"


def java_command(jars: Path, heap: str) -> list[str]:
    """How a class of a folder of jars is started.

    A JVM that only passes paths on is done before a better compiler pays off:
    with the first one and one collecting thread a job takes half of the time.

    Raises:
        ServiceError: the jars or a Java for them are missing.
    """
    classpath, java = find_jars(jars), find_java()
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED]
    return [java, f"-Xmx{heap}", *quick, *opened, "-cp", classpath]


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(endpoint: str) -> bool:
    """Whether somebody takes connections at `host:port`."""
    host, _, port = endpoint.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), 2):
        return True
    return False


class Program:
    """A Java program that runs until it is stopped, and no longer than this process.

    Attributes:
        name: what it is, for errors.
        log: the file of all it says.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._folder = Path(tempfile.mkdtemp(prefix="truyvet-"))
        self._keeps_log = False
        self.log = self._folder / "log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", _ENDS_WITH_US, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def wait_for(self, endpoint: str) -> None:
        """Wait until it listens.

        Raises:
            ServiceError: it ends before, or takes too long.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if listens(endpoint):
                return
            time.sleep(0.1)
        self._end()
        raise ServiceError(f"{self.name} does not start", f"see {self.keep_log()}")

    def keep_log(self) -> str:
        """Its log's path, which stays when the program is stopped."""
        self._keeps_log = True
        return str(self.log)

    def stop(self) -> None:
        """End it, and forget what it said unless somebody was sent to read it."""
        self._end()
        if not self._keeps_log:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
