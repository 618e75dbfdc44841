"""A stage imports earlier stages, shared modules and schemas; shared modules import no stage."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STAGES = ("ingest", "windowing", "graph", "query", "export")
DRIVERS = ("run", "run_command", "recompute", "demo", "venues", "streaming", "demo_stream")
"""Modules that put stages together; nothing but `cli` and one another may import them."""

SIMULATE_MAY = ("errors", "options", "output", "progress")
"""Ground truth must not come from the code under test."""


def modules():
    paths = [path for folder in ("pipelines", "schemas") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in paths)


def imported_by(path):
    """Dotted names of our own modules that a file imports, anywhere in it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(name for name in names if name.split(".")[0] in ("pipelines", "schemas"))


def part_of(parts):
    """`ingest`, `lake`, `errors`…: the folder or module below `pipelines`."""
    return parts[1].removesuffix(".py") if len(parts) > 1 else ""


def allowed(path, name):
    own, other = part_of(path.parts), part_of(name.split("."))
    if path.parts[0] == "schemas":
        return name.startswith(("schemas.", "pipelines.errors."))
    if name.startswith("schemas"):
        return True
    if own in DRIVERS:
        return True
    if own == "simulate":
        return other in ("simulate", *SIMULATE_MAY)
    if other in STAGES:
        return own in STAGES and STAGES.index(other) <= STAGES.index(own)
    return other not in (*DRIVERS, "simulate", "cli")


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_what_lies_before_it(path):
    assert [name for name in imported_by(path) if not allowed(path, name)] == []


@pytest.mark.parametrize(
    ("path", "name", "verdict"),
    [
        ("pipelines/ingest/x.py", "pipelines.windowing.pairing", False),
        ("pipelines/query/x.py", "pipelines.windowing.pairing", True),
        ("pipelines/lake/x.py", "pipelines.query.connect", False),
        ("pipelines/terminal/output.py", "pipelines.terminal.options.FORMATS", True),
        ("pipelines/query/x.py", "pipelines.drivers.run.run", False),
        ("pipelines/drivers/run.py", "pipelines.ingest.x", True),
        ("pipelines/simulate/x.py", "pipelines.privacy.keys.token", False),
        ("schemas/x.py", "pipelines.lake", False),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(path, name, verdict):
    assert allowed(Path(path), name) is verdict
