"""The notebook from cases to a list runs on a lake from its first cell to its last."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.lakes import new_lake, put_cases, put_stays, put_venues

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "outbreak_list.ipynb"

STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 10 01:00 | 10 03:00
    binh   | cafe  | 10 02:00 | 10 04:00
"""


def test_the_notebook_leads_from_the_cases_to_a_signed_list(tmp_path, monkeypatch):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|Cà phê")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id|person|onset_at\nBN-1|an|11 00:00")
    monkeypatch.setenv("TRUYVET_LAKE", lake.url)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(NOTEBOOK.parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    said = {
        cell.id: "".join(out.get("text", "") for out in cell.get("outputs", ())) for cell in notebook.cells
    }
    assert "BN-1" in said["cases"]
    assert "cafe" in said["trace"]
    assert "{'1': 1}" in said["list"]


def test_its_outputs_are_kept_and_name_no_folder_of_a_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    shown = {cell.id for cell in notebook.cells if cell.cell_type == "code" and cell.outputs}
    assert shown == {"cases", "trace", "people", "list"}
    kinds = {out.output_type for cell in notebook.cells for out in cell.get("outputs", ())}
    assert kinds <= {"stream", "execute_result"}
    assert "/tmp/" not in nbformat.writes(notebook)
    assert "/root" not in nbformat.writes(notebook)
