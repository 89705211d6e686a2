"""`%%kc cache` in a real shell: a cell runs once for its code and inputs, and is never stale."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_jupyter.client import mutables
from kachery_jupyter.magics.caching import CellRun
from tests.support.kernels import running_jupyter
from tests.support.nodes import isolated_environment
from tests.support.notebook_shells import shell_with_magics


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell with the extension loaded, offline."""
    store = str(tmp_path / "store")
    with shell_with_magics(tmp_path, monkeypatch, KACHERY_OFFLINE_STORAGE_DIR=store) as shell:
        yield shell


def run(shell, code: str) -> str:
    """Run a cell; what it printed. Its error is raised."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        result = shell.run_cell(code, store_history=True)
    if result.error_in_exec or result.error_before_exec:
        # Shells print what is wrong with how a magic is used, and raise the rest.
        return f"{printed.getvalue()}\n{result.error_in_exec or result.error_before_exec}"
    return printed.getvalue()


def cached(shell, code: str, words: str = "") -> str:
    return run(shell, f"%%kc cache {words}\n{code}")


def test_a_cell_runs_once_and_its_variables_come_back(shell):
    run(shell, "import numpy as np\nx = np.arange(4)\nruns = []")
    code = "y = x * 2\nz = {'sum': int(y.sum()), 'pair': (1, 2)}\ntext = 'é'"
    assert "miss: computed in" in cached(shell, code)
    for name in ("y", "z", "text"):
        del shell.user_ns[name]
    assert "hit: y, z, text" in cached(shell, code)
    assert shell.user_ns["y"].tolist() == [0, 2, 4, 6]
    assert shell.user_ns["z"] == {"sum": 12, "pair": (1, 2)}
    assert shell.user_ns["text"] == "é"


def test_what_comes_back_can_be_changed_and_the_store_keeps_what_it_has(shell):
    cached(shell, "import numpy\ny = numpy.zeros(3)")
    cached(shell, "import numpy\ny = numpy.zeros(3)")
    shell.user_ns["y"][0] = 1
    assert "hit" in cached(shell, "import numpy\ny = numpy.zeros(3)")
    assert shell.user_ns["y"].tolist() == [0, 0, 0]


def test_output_is_shown_again(shell):
    code = (
        "import sys\nfrom IPython.display import display, HTML\n"
        "print('printed')\nprint('complained', file=sys.stderr)\n"
        "display(HTML('<b>shown</b>'))\n6 * 7"
    )
    first, second = cached(shell, code), cached(shell, code)
    assert "miss" in first
    assert "hit" in second
    for said in ("printed", "complained", "<IPython.core.display.HTML object>", "42"):
        assert first.count(said) == second.count(said) == 1, (said, first, second)


def test_comments_and_spaces_mean_nothing_and_anything_else_something(shell):
    assert "miss" in cached(shell, "y = 1 + 1")
    assert "hit" in cached(shell, "# why not\n\ny = (1+1)   # two")
    assert "miss" in cached(shell, "y = 1 + 2")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = [1, [2]]", "x = [1, [3]]"),
        ("import numpy\nx = numpy.zeros(9)", "x[5] = 1"),
        ("import pandas\nx = pandas.DataFrame({'a': [1, 2]})", "x.loc[0, 'a'] = 5"),
        ("k = 1\ndef f(): return k\nx = f", "k = 2"),
        ("def f(): return 1\nx = f", "def f(): return 2\nx = f"),
        ("class C:\n def __str__(self): return 'a'\nx = C()", "C.__str__ = lambda self: 'b'"),
        ("class C: pass\nx = C()\nx.a = 1", "x.a = 2"),
        ("x = 1", "import builtins\nstr = repr"),
        ("x = 1", "del x"),
    ],
)
def test_no_result_is_stale(shell, before, after):
    run(shell, before)
    code = "try:\n    y = str(x() if callable(x) else x)\nexcept NameError:\n    y = None"
    assert "miss" in cached(shell, code)
    assert "hit" in cached(shell, code)
    first = shell.user_ns["y"]
    run(shell, after)
    assert "miss" in cached(shell, code)
    run(shell, before)
    assert "hit" in cached(shell, code) or "str" in after
    if "str" not in after:
        assert shell.user_ns["y"] == first


def test_a_variable_that_the_cell_changes_counts_as_it_was_before(shell):
    run(shell, "x = 1")
    assert "miss" in cached(shell, "x = x + 1")
    assert shell.user_ns["x"] == 2
    assert "miss" in cached(shell, "x = x + 1")
    run(shell, "x = 1")
    assert "hit" in cached(shell, "x = x + 1")
    assert shell.user_ns["x"] == 2


def test_a_file_that_the_cell_names_counts(shell, tmp_path):
    path = tmp_path / "input.txt"
    path.write_text("one")
    code = f"with open({str(path)!r}) as file:\n    text = file.read()"
    assert "miss" in cached(shell, code)
    assert "hit" in cached(shell, code)
    path.write_text("three")
    assert "miss" in cached(shell, code)
    assert shell.user_ns["text"] == "three"


def test_a_module_of_ones_own_counts_by_its_code(shell, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "own_tools_of_a_test.py").write_text("def f(): return 1\n")
    run(shell, "import importlib, own_tools_of_a_test as tools")
    assert "miss" in cached(shell, "y = tools.f()")
    assert "hit" in cached(shell, "y = tools.f()")
    (tmp_path / "own_tools_of_a_test.py").write_text("def f(): return 22\n")
    # Not loaded again, it is still the old one that runs.
    assert "hit" in cached(shell, "y = tools.f()")
    run(shell, "importlib.invalidate_caches(); importlib.reload(tools)")
    assert "miss" in cached(shell, "y = tools.f()")
    assert shell.user_ns["y"] == 22
    del sys.modules["own_tools_of_a_test"]


@pytest.mark.parametrize(
    "code",
    [
        "import own_tool_of_a_test\ny = own_tool_of_a_test.f()",
        "import own_tool_of_a_test as tool\ny = tool.f()",
        "from own_tool_of_a_test import f as g\ny = g()",
        "import own_folder_of_a_test.tool\ny = own_folder_of_a_test.tool.f()",
        "from own_folder_of_a_test import tool\ny = tool.f()",
        "def h():\n    from own_folder_of_a_test.tool import f\n    return f()\ny = h()",
    ],
)
def test_a_module_that_the_cell_imports_counts_by_its_code(shell, tmp_path, monkeypatch, code):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "own_folder_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for result in ("1", "22"):
        for path in (tmp_path / "own_tool_of_a_test.py", folder / "tool.py"):
            path.write_text(f"def f(): return {result}\n")
        # As in another kernel, later.
        for name in [name for name in sys.modules if name.startswith("own_")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        for name in ("own_tool_of_a_test", "own_folder_of_a_test", "tool", "g", "y", "h"):
            shell.user_ns.pop(name, None)
        assert "miss" in cached(shell, code, "y")
        assert "hit" in cached(shell, code, "y")
        assert shell.user_ns["y"] == int(result)
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_what_a_cell_sets_is_never_what_it_was_before(shell):
    # The code sets `y` before it reads it, in a block that may be left early.
    run(shell, "import contextlib\ny = 'old'\ndef fail(): raise ValueError")
    code = "with contextlib.suppress(ValueError):\n    fail()\n    y = 'new'\nz = y"
    assert "NameError" in cached(shell, code)
    assert shell.user_ns["y"] == "old"


def test_what_the_cell_changes_in_place_is_not_cached(shell):
    run(shell, "x = [1]\nimport numpy\nrandom = numpy.random.default_rng(1)")
    assert "not cached: the cell changes x in place" in cached(shell, "x.append(2)\ny = 1")
    assert "not cached: the cell changes random in place" in cached(shell, "y = random.random()")
    assert shell.user_ns["y"] != 1


def test_nothing_is_kept_of_a_cell_that_fails(shell):
    run(shell, "y = 'before'")
    assert "ZeroDivisionError" in cached(shell, "print('so far')\ny = 1 / 0")
    assert shell.user_ns["y"] == "before"
    assert "ZeroDivisionError" in cached(shell, "print('so far')\ny = 1 / 0")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("y = eval('x')", "eval"),
        ("!ls", "magics and shell commands"),
        ("def f(): pass", "defines f"),
        ("import asyncio\nawait asyncio.sleep(0)", "awaits"),
        ("y = lock", "lock"),
        ("y = (1", "SyntaxError"),
        ("y = stream.read()", "stream cannot be compared"),
    ],
)
def test_what_cannot_be_cached_is_said_before_anything_runs(shell, code, said):
    run(shell, "import threading\nstream = open('/dev/null')\nran = False")
    shell.user_ns["lock"] = memoryview(b"")
    assert said in cached(shell, f"{code}\nran = True")
    assert shell.user_ns["ran"] is False
    run(shell, "stream.close()")


def test_what_cannot_be_stored_is_said_and_the_cell_has_run(shell):
    said = cached(shell, "import threading\na = 1\nlock = threading.Lock()")
    assert "not cached: lock cannot be stored" in said or "cannot be pickled" in said
    assert shell.user_ns["a"] == 1
    assert "kept a" in cached(shell, "import threading\na = 1\nlock = threading.Lock()", "a")


def test_where_nothing_can_be_kept_the_cell_does_not_run(shell, monkeypatch):
    monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    assert "No kachery node" in cached(shell, "ran = True") or "kachery daemon start" in cached(
        shell, "ran = True"
    )
    assert "ran" not in shell.user_ns


def test_only_what_is_named_is_kept_and_nothing_else_is_left_from_before(shell):
    assert "kept y" in cached(shell, "t = 1\ny = t + 1", "y")
    run(shell, "t = 'from another cell'")
    assert "hit: y" in cached(shell, "t = 1\ny = t + 1", "y")
    assert "t" not in shell.user_ns
    assert "does not set z" in cached(shell, "y = 1", "z")


def test_imports_are_made_again(shell):
    code = "import fractions as fr\ny = str(fr.Fraction(1, 2))"
    cached(shell, code)
    del shell.user_ns["fr"]
    assert "hit: y" in cached(shell, code)
    assert shell.user_ns["fr"].Fraction


def test_again_means_again(shell):
    cached(shell, "import time\ny = time.time()")
    first = shell.user_ns["y"]
    assert "miss" in cached(shell, "import time\ny = time.time()", "--again")
    newer = shell.user_ns["y"]
    assert newer > first
    assert "hit" in cached(shell, "import time\ny = time.time()")
    assert shell.user_ns["y"] == newer


def test_a_result_that_was_removed_is_computed_once_more(shell):
    cached(shell, "import numpy\ny = numpy.arange(3)")
    (uri,) = [one.uri for one in kc.list_files("y.npy")]
    kc.remove(uri)
    assert "miss" in cached(shell, "import numpy\ny = numpy.arange(3)")
    assert "hit" in cached(shell, "import numpy\ny = numpy.arange(3)")


def test_a_result_that_somebody_else_put_there_is_not_believed(shell):
    cached(shell, "y = 'mine'")
    (uri,) = [one.uri for one in kc.list_files("cell.json")]
    kept = kc.load_json(uri)
    kept["result"]["variables"]["y"]["uri"] = kc.store_text("not yours", "y.txt")
    forged = kc.store_json(kept, "cell.json")
    key = ["kachery-cell", CellRun(shell, "y = 'mine'\n", []).key]
    assert mutables.get_value(key) == uri
    mutables.set_value(key, forged)
    assert "miss" in cached(shell, "y = 'mine'")
    assert shell.user_ns["y"] == "mine"


def test_objects_come_back_as_what_they_were(shell):
    code = (
        "import numpy as np, pandas as pd, datetime, fractions\n"
        "a = np.asfortranarray(np.ones((2, 3)))\nb = np.float32(1.5)\n"
        "c = pd.DataFrame({'a': [1, None]})\n"
        "d = fractions.Fraction(1, 3)\ne = bytearray(b'x')\ng = {1: (2, {3})}\nh = float('nan')\n"
        "i = [True, None, 'x']\nj = 'half \\ud800'\nk = np.array([{'a': 1}], object)\n"
    )
    assert "miss" in cached(shell, code)
    first = {name: shell.user_ns[name] for name in "abcdeghijk"}
    assert "hit" in cached(shell, code)
    for name, value in first.items():
        back = shell.user_ns[name]
        assert type(back) is type(value), name
        assert repr(back) == repr(value), name
    assert shell.user_ns["a"].flags.f_contiguous


def test_a_large_array_comes_back_as_a_memory_map(shell):
    run(shell, "import numpy as np\nn = 500_000")
    cached(shell, "y = np.arange(n)")
    assert "hit" in cached(shell, "y = np.arange(n)")
    assert np.array_equal(shell.user_ns["y"], np.arange(500_000))


def test_a_semicolon_shows_nothing(shell):
    assert "42" not in cached(shell, "6 * 7;")
    assert "42" not in cached(shell, "6 * 7;")


def test_the_secret_of_the_results_is_the_users_own(shell, own_computer):
    cached(shell, "y = 1")
    path = own_computer / "state" / "kachery" / "cells.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.timeout(300)
def test_results_are_found_after_the_kernel_was_restarted(tmp_path):
    begin = "%load_ext kachery_jupyter\nimport numpy as np\nk = 3\ndef f(x): return x * k"
    code = "%%kc cache\ny = f(np.arange(5))\nprint('computing', y.sum())\ny[-1]"
    with running_jupyter(tmp_path, isolated_environment(tmp_path)) as server:
        with server.kernel() as kernel:
            kernel.run(begin)
            said = kernel.run(code)
            assert "computing 30" in said
            assert "miss" in said
        with server.kernel() as kernel:
            kernel.run(begin)
            said = kernel.run(code)
            assert "hit: y" in said
            assert "computing 30" in said
            assert "12" in said
            assert kernel.run("print(y)") == "[ 0  3  6  9 12]\n"
            kernel.run("k = 4")
            assert "miss" in kernel.run(code)
    assert Path(tmp_path / "storage").exists()
