"""The tutorial runs, through a standing node and through the one inside a Jupyter server."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.kernels import running_jupyter
from tests.support.nodes import isolated_environment, running_node

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
pytestmark = [pytest.mark.notebook, pytest.mark.timeout(300)]


def name_of(path):
    return path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_kept_without_outputs(path):
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs_through_a_standing_node(path, tmp_path):
    with running_node(tmp_path) as node:
        environment = node.environment | {
            "KACHERY_DAEMON_PORT": str(node.port),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        }
        client = NotebookClient(
            nbformat.read(path, 4), timeout=120, resources={"metadata": {"path": str(tmp_path)}}
        )
        client.execute(env=environment)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs_through_the_node_inside_a_jupyter_server(path, tmp_path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    with (
        running_jupyter(tmp_path, isolated_environment(tmp_path)) as server,
        server.kernel() as kernel,
    ):
        for cell in cells:
            kernel.run(cell.source)
