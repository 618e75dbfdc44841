"""The order of the layers: a module imports only what lies before it, and nothing imports in a circle."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ORDER = (
    ["errors", "metrics", "user_folders", "schemas", "kernels"],
    ["times", "terminal"],
    ["answer"],
    ["privacy"],
    ["lake", "codes"],
    ["runtime"],
    ["registry", "linkage"],
    ["ingest", "windowing", "maintenance", "anomalies"],
    ["graph"],
    ["query", "ascertainment", "disclosure"],
    ["export"],
    ["drivers"],
    ["streaming", "checkup", "web", "retention"],
    ["commands"],
    ["cli", "demo", "demo_stream"],
)
"""Folders and modules of `pipelines`, and `schemas`: each imports what stands before it, in its row too."""

PLACE = {name: place for place, name in enumerate(name for row in ORDER for name in row)}

SIMULATE_MAY = ("simulate", "errors", "times", "terminal", "schemas")
"""Ground truth must not come from the code under test."""

ARGPARSE = ("commands", "terminal")

SAME_NAME = ("__init__", "transforms", "plan", "commit")
"""File names that tell a role every stage has."""


def modules():
    paths = [path for folder in ("pipelines", "schemas") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in paths)


def tree_of(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def module_name(path):
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in modules()}


def imported_by(path):
    """Our own modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in MODULES else node.module)
    return sorted(name for name in names if name.split(".")[0] in ("pipelines", "schemas"))


IMPORTS = {name: set(imported_by(path)) - {name} for name, path in MODULES.items()}


def layer(name):
    """`ingest`, `lake`, `errors`…: the folder or module of `pipelines`; `schemas`; nothing for the root."""
    parts = name.split(".")
    return "schemas" if parts[0] == "schemas" else parts[1] if len(parts) > 1 else ""


def allowed(name, other):
    own, its = layer(name), layer(other)
    if own == "schemas":
        return its in ("schemas", "errors")
    if not its:
        return True  # the version and the table of public names
    if own == "simulate":
        return its in SIMULATE_MAY
    if its == "simulate":
        return own in ("commands", "demo", "demo_stream")
    if not own:
        return False
    return PLACE[its] <= PLACE[own]


def circles(graph):
    """Return the nodes that can be reached from themselves."""
    found = []
    for start in graph:
        seen, todo = set(), list(graph[start])
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += graph.get(node, ())
        if start in seen:
            found.append(start)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_lies_before_it(name):
    if name != "pipelines":  # its table is of type hints and lazy imports
        assert [other for other in IMPORTS[name] if not allowed(name, other)] == []


@pytest.mark.parametrize(
    ("name", "other", "verdict"),
    [
        ("pipelines.ingest.x", "pipelines.windowing.pairing", False),
        ("pipelines.query.x", "pipelines.windowing.pairing", True),
        ("pipelines.lake.x", "pipelines.query.connect", False),
        ("pipelines.terminal.x", "pipelines.times", True),
        ("pipelines.kernels.x", "pipelines.times", False),
        ("pipelines.query.x", "pipelines.drivers.run", False),
        ("pipelines.drivers.run", "pipelines.ingest.x", True),
        ("pipelines.drivers.run", "pipelines.simulate", False),
        ("pipelines.simulate.x", "pipelines.privacy.keys", False),
        ("pipelines.maintenance.x", "pipelines.commands.verify", False),
        ("schemas.x", "pipelines.lake", False),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(name, other, verdict):
    assert allowed(name, other) is verdict


def test_no_files_import_one_another_in_a_circle():
    """But for the table of public names, which imports each of them when it is used."""
    without = {name: others - {"pipelines"} for name, others in IMPORTS.items() if name != "pipelines"}
    assert circles(without) == []


def test_no_folders_import_one_another_in_a_circle():
    """Neighbours in one folder; a file that lies beside them may import and be imported."""
    graph = defaultdict(set)
    for name, others in IMPORTS.items():
        here = MODULES[name].parent.parts
        for other in others:
            there = MODULES[other].parent.parts
            differ = [level for level, (own, its) in enumerate(zip(here, there, strict=False)) if own != its]
            if differ and differ[0] > 0:
                graph[here[: differ[0] + 1]].add(there[: differ[0] + 1])
    assert circles(graph) == []


def test_the_search_for_circles_finds_one():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]


@pytest.mark.parametrize("name", MODULES)
def test_only_commands_and_the_terminal_know_argparse(name):
    if layer(name) not in ARGPARSE:
        names = [
            alias.name
            for node in ast.walk(tree_of(MODULES[name]))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        ]
        assert "argparse" not in names


def test_a_file_name_means_one_thing():
    """But for commands, which are named as the functions that they call, and the simulated world."""
    homes = defaultdict(list)
    for name, path in MODULES.items():
        if layer(name) not in ("commands", "simulate") and path.stem not in SAME_NAME:
            homes[path.stem].append(name)
    assert {stem: names for stem, names in homes.items() if len(names) > 1} == {}


def test_a_class_name_means_one_thing():
    """A world of its own is simulated: it may have people, places and cases too."""
    homes = defaultdict(list)
    for name, path in MODULES.items():
        if layer(name) != "simulate":
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.ClassDef):
                    homes[node.name.lstrip("_")].append(name)
    assert {name: names for name, names in homes.items() if len(names) > 1} == {}
