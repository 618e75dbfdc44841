"""The examples of docstrings run, and the page of the Python API is what the docstrings make it."""

import doctest
import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

import pipelines
import pipelines.export
import pipelines.graph
import pipelines.query
import pipelines.simulate
from tests.example_lake import example_lake

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("pipelines", "schemas")
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)

NEED_NO_EXAMPLE = (
    *("run", "recompute", "contacts", "land", "publish", "watch", "compact", "verify", "purge", "erase"),
    *("rotate", "serve", "add_case", "withdraw_case", "export_list", "check_list"),
    *("add_venue", "import_venues", "close_venues", "move_venue", "list_venues", "list_history"),
    *(
        "open_lake",
        "show",
        "draw_adoption",
        "draw_timeline",
        "timeline_image",
        "draw_network",
        "network_image",
        "save_network",
    ),
)
"""Public functions that change a lake or write a file; each of the others answers, and shows what."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return example_lake(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def api():
    """The script that makes the page."""
    spec = importlib.util.spec_from_file_location("make_python_api", ROOT / "docs" / "make_python_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_answer_what_they_say(name, lake):
    module = importlib.import_module(name)
    failed, run = 0, 0
    for example in doctest.DocTestFinder().find(module, extraglobs={"lake": lake}):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
        failed, run = failed + result.failed, run + result.attempted
    assert run, "an example that the finder does not see"
    assert failed == 0


@pytest.mark.parametrize("name", sorted(set(pipelines.PUBLIC) - set(NEED_NO_EXAMPLE)))
def test_a_public_function_that_answers_shows_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(pipelines, name))


@pytest.mark.parametrize("name", pipelines.PUBLIC)
def test_every_public_name_can_be_imported_and_is_described(name):
    thing = getattr(pipelines, name)
    assert inspect.isfunction(thing) or inspect.isclass(thing)
    assert inspect.getdoc(thing)
    assert name in dir(pipelines)


def test_the_table_of_public_names_and_the_list_for_tools_are_the_same():
    assert sorted(pipelines.PUBLIC) == sorted(pipelines.__all__)


@pytest.mark.parametrize("package", [pipelines.query, pipelines.graph])
def test_the_packages_that_answer_show_their_functions_and_take_them_from_the_table(package):
    assert dir(package) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is getattr(pipelines, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


@pytest.mark.parametrize("package", [pipelines.export, pipelines.simulate])
def test_every_name_that_a_package_offers_can_be_imported(package):
    for name in package.__all__:
        assert inspect.getdoc(getattr(package, name)), name


def test_every_public_name_stands_in_one_section_of_the_page(api):
    listed = [name for names in api.SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(pipelines.PUBLIC)


def test_the_page_is_what_the_docstrings_make_it(api):
    assert api.PAGE.read_text(encoding="utf-8") == api.page(), "run python docs/make_python_api.py"
