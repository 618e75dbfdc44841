"""Java programs beside this process: find Java, await their ports, and let none outlive us."""

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
"""Java versions that Flink 1.19 supports."""

_OPENED: Final = (
    *("java.util", "java.lang", "java.net", "java.io", "java.nio", "java.lang.reflect", "java.text"),
    *("java.time", "sun.nio.ch", "java.util.concurrent", "java.util.concurrent.atomic", "sun.net.util"),
)
"""Packages that Java 17 closes to Flink's serializers unless told otherwise."""

_PATIENCE_SECONDS: Final = 90.0
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')

# Watchdog: kill the JVM when our end of the pipe closes, even after SIGKILL.
_WATCHED: Final = 'exec 3<&0; { read _ <&3; kill -9 $$ 2>&-; } & exec "$@" </dev/null 3<&-'


def find_java() -> str:
    """Return the path of a Java that Flink runs on, the one of `JAVA_HOME` if that is set.

    Raises:
        ServiceError: there is none, or it is of another version.
    """
    home = os.environ.get("JAVA_HOME")
    # A wrong JAVA_HOME is an error: the PATH is not tried then.
    java = shutil.which(os.path.join(home, "bin", "java") if home else "java")
    wanted = " or ".join(map(str, VERSIONS))
    if java is None:
        raise ServiceError(
            f"no Java in JAVA_HOME={home}" if home else "no Java on the PATH",
            f"install Java {wanted}, or set JAVA_HOME to its folder",
        )
    # Java prints its version on standard error.
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = _VERSION.search(done.stderr + done.stdout)
    if match is None or int(match[1]) not in VERSIONS:
        found = f"is Java {match[1]}" if match else "does not tell its version"
        raise ServiceError(f"{java} {found}", f"Flink needs {wanted}: set JAVA_HOME to its folder")
    return java


def find_jars(folder: Path) -> str:
    """Return the class path of a folder of jars.

    Raises:
        ServiceError: Beam's Flink runner is not in it.
    """
    if not any(folder.glob("beam-runners-flink-*.jar")):
        raise ServiceError(f"the jars of Flink are not in {folder}", "run make flink (it needs Maven)")
    return f"{folder}/*"


def java_command(jars: Path, heap: str) -> list[str]:
    """Return the command that starts a class of a folder of jars.

    The JVM only passes paths on, and is done before its second compiler pays off: with the first compiler
    and a serial collector a job takes half of the time.

    Raises:
        ServiceError: the jars or a Java for them are missing.
    """
    classpath, java = find_jars(jars), find_java()
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED]
    return [java, f"-Xmx{heap}", *quick, *opened, "-cp", classpath]


def free_port() -> int:
    """Return a free port."""
    # Not reserved: another process may take it before it is used.
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(endpoint: str) -> bool:
    """Return whether `host:port` accepts connections."""
    host, _, port = endpoint.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), 2):
        return True
    return False


class Program:
    """A Java program that runs until it is stopped, but never longer than this process.

    Attributes:
        name: what it is, for errors.
        log: file of its output.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._folder = Path(tempfile.mkdtemp(prefix="truyvet-"))
        self._keeps_log = False
        self.log = self._folder / "log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", _WATCHED, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt in the terminal is for this process alone
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_for(self, endpoint: str) -> None:
        """Wait until it listens.

        Raises:
            ServiceError: it ends first, or takes too long.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            if listens(endpoint):
                return
            time.sleep(0.1)
        self._end()
        raise ServiceError(f"{self.name} did not start", f"see {self.keep_log()}")

    def keep_log(self) -> str:
        """Return the path of its log, which then stays when the program is stopped."""
        self._keeps_log = True
        return str(self.log)

    def stop(self) -> None:
        """End it and remove its log, unless an error has pointed to that."""
        self._end()
        if not self._keeps_log:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin:  # our end of the watchdog's pipe
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
