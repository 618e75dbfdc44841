"""What the tests of all notebooks share: run one on a lake, and read what its cells say."""

import ast
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
LOGIC = (ast.For, ast.While, ast.If, ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.BinOp)


def notebook(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def run_on(name, lake, monkeypatch):
    """Run a fresh copy on a lake and return its cells by id."""
    monkeypatch.setenv("TRUYVET_LAKE", lake.url)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    fresh = notebook(name)
    NotebookClient(fresh, timeout=120, kernel_name="python3").execute()
    return {cell.id: cell for cell in fresh.cells}


def said(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", ()))


def assert_kept_outputs_are_whole(name, silent=("imports",)):
    """Every code cell but the silent ones shows something: no error, no warning, no folder of a machine."""
    kept = notebook(name)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if not cell.outputs] == list(silent)
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert "stderr" not in {output.get("name") for output in outputs}
    assert "/tmp/" not in nbformat.writes(kept)
    assert "/root" not in nbformat.writes(kept)


def assert_no_logic(name):
    """Cells call public functions and SQL; what decides stands in the package and in its tests."""
    for cell in notebook(name).cells:
        if cell.cell_type == "code":
            found = [
                type(node).__name__ for node in ast.walk(ast.parse(cell.source)) if isinstance(node, LOGIC)
            ]
            assert found == [], cell.id
