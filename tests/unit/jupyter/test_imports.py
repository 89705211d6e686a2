"""Importing the package brings nothing along; using it brings only what is needed."""

import ast
import inspect
import json
import subprocess
import sys

import pytest

import kachery_jupyter
from kachery_jupyter import client
from kachery_jupyter.client import names

HEAVY = [
    "numpy",
    "tornado",
    "jupyter_server",
    "IPython",
    "ipywidgets",
    "tqdm",
    "asyncio",
    "sqlite3",
]


def modules_after(code: str) -> list[str]:
    code = (
        f"import sys; before = set(sys.modules)\n{code}\n"
        "after = sorted(set(sys.modules) - before); import json; print(json.dumps(after))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["kachery_jupyter", "kachery_client", "kachery_jupyter.client"])
def test_importing_imports_nothing_heavy(name: str) -> None:
    modules = modules_after(
        f"import {name}" if name != "kachery_client" else "import kachery_jupyter"
    )
    assert not [heavy for heavy in HEAVY if heavy in modules]
    assert not [module for module in modules if module.startswith("kachery_store")]


def test_storing_text_needs_neither_numpy_nor_tqdm(tmp_path) -> None:
    modules = modules_after(
        f"import os; os.environ['KACHERY_OFFLINE_STORAGE_DIR'] = {str(tmp_path)!r}\n"
        "import kachery_jupyter as kc; kc.load_text(kc.store_text('x'))"
    )
    assert "kachery_store.store" in modules
    assert not [
        heavy for heavy in ("numpy", "tornado", "jupyter_server", "tqdm") if heavy in modules
    ]


def test_type_checkers_are_told_of_every_public_name_and_of_no_other() -> None:
    tree = ast.parse(inspect.getsource(kachery_jupyter))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {node.targets[0].id for node in block.body if isinstance(node, ast.Assign)}
    assert told - {None} == set(names.HOMES)


def test_the_awaitable_functions_are_those_that_are_listed() -> None:
    from kachery_jupyter.client import awaitable

    defined = {
        name for name, value in vars(awaitable).items() if inspect.iscoroutinefunction(value)
    }
    assert defined == names.AWAITED


@pytest.mark.parametrize("module", [kachery_jupyter, client])
def test_every_public_name_is_there_and_listed(module) -> None:
    for name in [*module.__all__, "open", "set"]:
        assert name == "channels" or callable(getattr(module, name))
        assert name in dir(module)
    with pytest.raises(AttributeError, match="nothing_like_that"):
        _ = module.nothing_like_that


def test_a_star_import_leaves_pythons_own_functions_alone() -> None:
    assert not {"open", "set"} & {*kachery_jupyter.__all__}


def test_the_old_name_is_the_same_module() -> None:
    code = "import kachery_client as kc, kachery_jupyter; assert kc is kachery_jupyter; kc.set"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
