"""What is stored remembers the program, or the notebook and its cell."""

import sys
from types import SimpleNamespace

import pytest

import kachery_jupyter as kc
from kachery_jupyter.client.origins import origin, origin_text


def in_shell(monkeypatch: pytest.MonkeyPatch, cell: int, **shell) -> None:
    hook = SimpleNamespace(prompt_count=cell)
    module = SimpleNamespace(get_ipython=lambda: SimpleNamespace(displayhook=hook, **shell))
    monkeypatch.setitem(sys.modules, "IPython", module)


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(sys, "argv", ["/somewhere/analyse.py"])
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


def test_a_program_is_its_name() -> None:
    assert origin() == {"program": "analyse.py"}


def test_what_was_typed_after_python_has_no_name(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert origin() == {"program": "python"}


def test_a_notebook_is_its_path_and_the_cell_its_number_and_id(monkeypatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/night.ipynb")
    parent = {"header": {}, "metadata": {"cellId": "5f0c"}}
    in_shell(monkeypatch, cell=7, get_parent=lambda: parent)
    assert origin() == {"notebook": "/work/night.ipynb", "cell": 7, "cell_id": "5f0c"}


@pytest.mark.parametrize("parent", [None, {}, {"metadata": None}, {"metadata": {"cellId": 5}}])
def test_a_front_end_need_not_tell_which_cell_it_is(monkeypatch, parent) -> None:
    in_shell(monkeypatch, cell=7, get_parent=lambda: parent)
    assert origin() == {"program": "analyse.py", "cell": 7}


def test_a_shell_in_a_terminal_has_numbers_only(monkeypatch) -> None:
    in_shell(monkeypatch, cell=3)
    assert origin() == {"program": "analyse.py", "cell": 3}


def test_vs_code_tells_the_notebook_in_a_variable(monkeypatch) -> None:
    in_shell(monkeypatch, cell=3, user_ns={"__vsc_ipynb_file__": "/work/a.ipynb"})
    assert origin() == {"notebook": "/work/a.ipynb", "cell": 3}


def test_what_was_stored_tells_where_it_comes_from(monkeypatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/night.ipynb")
    in_shell(monkeypatch, cell=7)
    uri = kc.store_text("x")
    facts = kc.info(uri)
    assert facts is not None
    assert facts.origin == {"notebook": "/work/night.ipynb", "cell": 7}
    assert facts.stored_at is not None
    shown = facts._repr_mimebundle_()
    assert "/work/night.ipynb, cell 7" in shown["text/html"]
    assert shown["application/vnd.kachery.uri+json"] == {
        "uri": uri,
        "name": "file.txt",
        "kind": "text",
        "size": 1,
    }


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"notebook": "a.ipynb", "cell": 7, "cell_id": "x"}, "a.ipynb, cell 7"),
        ({"program": "a.py"}, "a.py"),
        ({"file": "a.csv"}, "a.csv"),
        ({"node": "ab" * 32, "channel": "lab"}, "node abababababababab on channel lab"),
        ({"cell": 7}, ""),
        ({}, ""),
    ],
)
def test_in_words(facts, text) -> None:
    assert origin_text(facts) == text
