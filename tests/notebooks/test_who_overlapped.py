"""The notebook runs on a lake from its first cell to its last, and holds functions' answers, not logic."""

import ast
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.lakes import new_lake, put_cases, put_stays, put_venues

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "who_overlapped.ipynb"
ROOT = NOTEBOOK.parents[1]
LOGIC = (ast.For, ast.While, ast.If, ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.BinOp)

STAYS = """
    person | venue | zone | enter    | exit     | exit_kind | last_seen
    an     | cafe  |      | 10 01:00 | 10 03:00 |           |
    an     | house |      | 10 12:00 | 10 22:00 |           |
    binh   | cafe  | t1   | 10 02:00 | 10 04:00 | default   | 10 02:30
"""


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|Cà phê\nhouse|home|Nhà")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id|person|onset_at\nBN-1|an|11 00:00")
    return lake


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def output_of(notebook, cell_id):
    (cell,) = [cell for cell in notebook.cells if cell.id == cell_id]
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_notebook_runs_on_a_lake_and_shows_what_the_functions_answer(notebook, lake, monkeypatch):
    monkeypatch.setenv("TRUYVET_LAKE", lake.url)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    fresh = nbformat.from_dict(notebook)
    NotebookClient(fresh, timeout=120, kernel_name="python3").execute()
    assert "cafe" in output_of(fresh, "overlaps")
    assert "3600" in output_of(fresh, "overlaps")
    assert "An empty answer" not in output_of(fresh, "basis")
    assert "Cà phê" in output_of(fresh, "milestones")
    (picture,) = fresh.cells[-1].outputs
    assert "image/png" in picture.data


def test_the_outputs_are_kept_and_hold_no_error(notebook):
    shown = [cell.id for cell in code_cells(notebook) if cell.outputs]
    assert shown == [cell.id for cell in code_cells(notebook) if cell.id not in ("imports", "case")]
    kinds = {output.output_type for cell in code_cells(notebook) for output in cell.outputs}
    assert "error" not in kinds
    assert "stderr" not in {output.get("name") for cell in code_cells(notebook) for output in cell.outputs}


def test_the_notebook_holds_no_logic(notebook):
    for cell in code_cells(notebook):
        found = [type(node).__name__ for node in ast.walk(ast.parse(cell.source)) if isinstance(node, LOGIC)]
        assert found == [], cell.id


def test_the_notebook_names_no_folder_of_a_machine(notebook):
    assert "/tmp/" not in nbformat.writes(notebook)
    assert "/root" not in nbformat.writes(notebook)
