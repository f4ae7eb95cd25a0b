"""docs/examples/figure6.ipynb runs from its first cell to its last, and shows its figure where nobody runs it."""

import re
import shutil

import nbclient
import nbformat
import pytest

NAME = "docs/examples/figure6.ipynb"


@pytest.fixture
def notebook(source):
    return nbformat.read(source / NAME, as_version=4)


def outputs(notebook, kind):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output["data"][kind] for cell in cells for output in cell.outputs if kind in output.get("data", {})]


def plan_judge_and_look(notebook):
    """What each of its cells shows."""
    (figure,) = outputs(notebook, "image/svg+xml")
    assert "<svg" in figure and "LayerNorm" in figure
    plan, verdicts, runs = outputs(notebook, "text/html")
    assert plan.count("[1, 2, 3]") == 6
    assert len(re.findall(r"DIRECTION_ONLY|INCONCLUSIVE", verdicts)) == 4 and "ln-faster-than-bn-batch-4" in verdicts
    assert "<th>batch_size</th>" in runs
    assert "gain" in outputs(notebook, "text/plain")[-1]


def test_it_runs(notebook, home, mnist, source):
    for name in ("figure6.yaml", "figure6.ipynb"):
        shutil.copy(source / "docs/examples" / name, home)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbclient.NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(home)}}).execute()
    plan_judge_and_look(notebook)


def test_it_shows_its_figure_when_it_is_opened(notebook, source):
    assert (source / NAME).stat().st_size < 300_000
    plan_judge_and_look(notebook)
    text = nbformat.writes(notebook)
    assert not re.search(r"/(root|home|tmp)/", text), "it is of no machine"
