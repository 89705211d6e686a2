"""What a real notebook stores remembers it; freeze lists what it used, as its kernel saw it."""

from __future__ import annotations

import json

import pytest

from tests.support.kernels import running_jupyter
from tests.support.nodes import isolated_environment

pytestmark = pytest.mark.timeout(300)


def test_notebook_cell_and_time_are_remembered_and_frozen(tmp_path):
    environment = isolated_environment(tmp_path)
    with running_jupyter(tmp_path, environment) as server:
        with server.kernel("before.ipynb") as kernel:
            kernel.run("%load_ext kachery_jupyter\nimport kachery_jupyter as kc")
            kernel.run_cell("uri = kc.store_text('from before', 'before.txt')", "cell-one")
            before = kernel.run("print(uri)").strip()
            said = kernel.run(f"%kc info {before}")
            assert "before.ipynb, cell 2" in said
        with server.kernel("after.ipynb") as kernel:
            kernel.run("%load_ext kachery_jupyter\nimport kachery_jupyter as kc")
            kernel.run(f"text = kc.load_text({before!r})")
            kernel.run(
                "async def store():\n    return await kc.client.store_text(text * 2, 'after.txt')"
            )
            kernel.run_cell("import kachery_jupyter.client\nmade = await store()", "cell-two")
            origin = json.loads(kernel.run("import json; print(json.dumps(kc.info(made).origin))"))
            assert origin["notebook"].endswith("after.ipynb")
            assert (origin["cell"], origin["cell_id"]) == (4, "cell-two")
            frozen = json.loads(kernel.run("%kc freeze --json"))
            assert frozen["source"].endswith("after.ipynb")
            assert [(one["uri"], one["cell"]) for one in frozen["loaded"]] == [(before, 2)]
            assert [one["uri"].endswith("after.txt") for one in frozen["stored"]] == [True]
            kernel.run("%kc freeze after.json")
    (written,) = tmp_path.rglob("after.json")
    assert json.loads(written.read_text())["loaded"] == frozen["loaded"]
