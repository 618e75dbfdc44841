"""Read a file of `runner_config/`: an engine, its options, what it can and cannot do."""

import difflib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.errors import UsageError
from schemas.toml_file import read_toml, table_of, text_of

FOLDER: Final = Path(__file__).parents[3] / "runner_config"
"""Folder of the shipped files."""

RUNNERS: Final = ("direct", "prism", "flink", "flink-cluster", "dataflow")
"""Names of the shipped files, for `--runner`."""

ENGINES: Final = ("FnApiRunner", "PrismRunner", "PortableRunner", "DataflowRunner")
"""Values of `runner` in `[beam]`. Not `DirectRunner`, which chooses among three runners by itself."""

_KEYS: Final = ("title", "can", "cannot", "needs", "beam", "job_server")
_JOB_SERVER_KEYS: Final = ("jars", "flink_master", "flink_conf_dir", "heap")

Option = str | int | bool | list[str]


@dataclass(frozen=True)
class JobServer:
    """The Flink job server to start when none is running.

    Attributes:
        jars: folder that `make flink` fills.
        flink_master: `[local]`, or `host:port` of a cluster's REST interface.
        flink_conf_dir: folder of its `flink-conf.yaml`, or empty.
        heap: size limit of its heap, as Java writes it.

    >>> JobServer(Path("build/flink"), "[local]", "", "1g").flink_master
    '[local]'
    """

    jars: Path
    flink_master: str
    flink_conf_dir: str
    heap: str


@dataclass(frozen=True)
class RunnerConfig:
    """One engine as a file describes it.

    Attributes:
        name: name or path it was loaded by.
        title: what it is, in one line.
        can: what runs on it.
        cannot: what does not.
        needs: what must be installed.
        beam: Beam's own options; `runner` is one of `ENGINES`.
        job_server: for Flink only.

    >>> load_runner("direct").engine
    'FnApiRunner'
    """

    name: str
    title: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    needs: str
    beam: Mapping[str, Option] = field(default_factory=dict)
    job_server: JobServer | None = None

    @property
    def engine(self) -> str:
        """Name of the Beam runner."""
        return str(self.beam["runner"])


def load_runner(name_or_path: str) -> RunnerConfig:
    """Load a shipped file by its name, or any file by its path.

    Raises:
        UsageError: there is no such file, or a key or an option in it is unknown or wrong.
    """
    if name_or_path in RUNNERS:
        path = FOLDER / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            raise UsageError(
                f"--runner {name_or_path} is unknown",
                f"{_nearest(name_or_path, RUNNERS)}choose one of {' '.join(RUNNERS)}, or name a .toml file",
            )
    given = read_toml(path)
    _refuse_unknown(str(path), given, _KEYS)
    return RunnerConfig(
        name=name_or_path,
        title=text_of(str(path), given, "title"),
        can=_texts(path, given, "can"),
        cannot=_texts(path, given, "cannot"),
        needs=text_of(str(path), given, "needs"),
        beam=_beam(path, table_of(str(path), given, "beam")),
        job_server=_job_server(path, table_of(str(path), given, "job_server")),
    )


def _beam(path: Path, given: dict[str, Any]) -> dict[str, Option]:
    """Return Beam's options after checking that Beam knows each name and type."""
    where = f"{path}, [beam]"
    engine = text_of(where, given, "runner")
    if engine not in ENGINES:
        raise UsageError(
            f"{where}: runner {engine} is unknown",
            f"{_nearest(engine, ENGINES)}choose one of {' '.join(ENGINES)}",
        )
    _refuse_unknown(where, given, known_options())
    for key, value in given.items():
        # A TOML boolean is an int here as well.
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not is_list and not isinstance(value, (str, int)):
            raise UsageError(
                f"{where}: {key} must be a string, an integer, a boolean or a list of strings", "correct it"
            )
    # Paths are relative to the file that holds them.
    if "prism_location" in given:
        given["prism_location"] = str((path.absolute().parent / str(given["prism_location"])).resolve())
    return given


def _job_server(path: Path, given: dict[str, Any]) -> JobServer | None:
    if not given:
        return None
    where = f"{path}, [job_server]"
    _refuse_unknown(where, given, _JOB_SERVER_KEYS)
    jars, master = (text_of(where, given, key) for key in ("jars", "flink_master"))
    heap = text_of(where, {"heap": "1g", **given}, "heap")
    conf = text_of(where, given, "flink_conf_dir") if "flink_conf_dir" in given else ""
    here = path.absolute().parent
    return JobServer((here / jars).resolve(), master, str((here / conf).resolve()) if conf else "", heap)


def _texts(path: Path, given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the sentences under a key.

    Raises:
        UsageError: it is not a list of strings.
    """
    value = given.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{path}: {key} must be a list of strings", f'write {key} = ["…"]')
    return tuple(value)


@functools.cache
def known_options() -> frozenset[str]:
    """Return the names of all options that Beam and its runners declare."""
    from apache_beam.options.pipeline_options import PipelineOptions  # slow to import

    return frozenset(PipelineOptions(flags=[]).get_all_options())


def _refuse_unknown(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keys that would be ignored.

    Raises:
        UsageError: naming the key and the nearest known one.
    """
    # Beam drops options that it does not know with a warning, lost in a job's log (beam#28402).
    for key in given:
        if key not in known:
            nearest = _nearest(key, known) or "does it belong to another table? "
            raise UsageError(f"{where}: unknown option {key}", f"{nearest}correct or remove it")


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {close[0]}? " if close else ""
