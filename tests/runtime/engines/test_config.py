"""Files of `runner_config/`: complete, refused with unknown keys, and shown in the README."""

from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.runtime.engines.config import ENGINES, FOLDER, RUNNERS, load_runner
from pipelines.runtime.engines.table import runner_table

README = FOLDER.parent / "README.md"


def written(folder: Path, beam: str = 'runner = "FnApiRunner"', more: str = "") -> str:
    path = folder / "own.toml"
    path.write_text(
        f'title = "t"\ncan = ["c"]\ncannot = ["n"]\nneeds = "nothing"\n{more}\n[beam]\n{beam}\n',
        encoding="utf-8",
    )
    return str(path)


def test_every_file_in_the_folder_is_a_runner_and_every_runner_has_one():
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(RUNNERS)


@pytest.mark.parametrize("name", RUNNERS)
def test_a_shipped_file_tells_what_its_engine_can_and_cannot_do(name):
    config = load_runner(name)
    assert (config.name, config.engine in ENGINES) == (name, True)
    assert config.can
    assert config.cannot


def test_the_table_in_the_readme_matches_the_files():
    assert runner_table() in README.read_text(encoding="utf-8"), (
        "print it with python -m pipelines.runtime.engines.table"
    )


def test_any_file_is_loaded_by_its_path(tmp_path):
    config = load_runner(written(tmp_path, 'runner = "PortableRunner"\nparallelism = 4\nexperiments = ["a"]'))
    assert config.beam == {"runner": "PortableRunner", "parallelism": 4, "experiments": ["a"]}
    assert config.job_server is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("flinc", "--runner flinc is unknown: did you mean flink?"),
        ("DirectRunner", "--runner DirectRunner is unknown: choose one of direct prism"),
        ("no/such.toml", "no/such.toml cannot be read"),
    ],
)
def test_an_unknown_runner_is_refused_with_the_nearest_name(name, error):
    with pytest.raises(UsageError) as refused:
        load_runner(name)
    assert error in str(refused.value)


@pytest.mark.parametrize(
    ("beam", "more", "error"),
    [
        (
            'runner = "FnApiRunner"\nparalelism = 2',
            "",
            "unknown option paralelism: did you mean parallelism?",
        ),
        ('runner = "DirectRunner"', "", "runner DirectRunner is unknown"),
        ("parallelism = 2", "", "runner is missing"),
        ('runner = "FnApiRunner"\nparallelism = 1.5', "", "parallelism must be a string"),
        ('runner = "FnApiRunner"', "tittle = 1", "unknown option tittle: did you mean title?"),
        ('runner = "FnApiRunner"\n[job_server]\njar = "x"', "", "unknown option jar: did you mean jars?"),
        ('runner = "FnApiRunner"\n[job_server]\njars = "x"', "", "flink_master is missing"),
    ],
)
def test_a_key_that_would_be_ignored_is_refused(tmp_path, beam, more, error):
    with pytest.raises(UsageError) as refused:
        load_runner(written(tmp_path, beam, more))
    assert error in str(refused.value)


def test_paths_in_a_file_are_relative_to_it(tmp_path):
    path = written(
        tmp_path, 'runner = "PortableRunner"\n[job_server]\njars = "lib"\nflink_master = "[local]"'
    )
    server = load_runner(path).job_server
    assert (server.jars, server.flink_conf_dir, server.heap) == (tmp_path / "lib", "", "1g")
