"""`%kc` in a real IPython shell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from IPython.core.error import UsageError

import kachery_jupyter as kc
from kachery_core.errors import ContentNotFoundError, KacheryError
from kachery_jupyter.client.dependencies import forget_notes
from tests.support.nodes import running_node
from tests.support.notebook_shells import completions, shell_with_magics

URI = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell with the extension loaded, offline."""
    store = str(tmp_path / "store")
    with shell_with_magics(tmp_path, monkeypatch, KACHERY_OFFLINE_STORAGE_DIR=store) as shell:
        yield shell


def test_variables_of_every_kind_are_stored_and_come_back(shell):
    values = {"a": np.arange(3), "t": "text", "b": b"bytes", "j": {"x": [1]}, "p": (1, 2)}
    shell.push(values)
    stored = shell.run_line_magic("kc", "store a t b j p")
    for name, uri in stored.uris.items():
        assert shell.run_line_magic("kc", f"load {uri} -> back_{name}") is None
        back = shell.user_ns[f"back_{name}"]
        assert type(back) is type(values[name]) or name == "a"
        assert np.array_equal(back, values[name]) if name == "a" else back == values[name]


def test_a_loaded_value_without_a_name_is_shown(shell):
    kc.store_text("some-random-text")
    assert shell.run_line_magic("kc", f"load {URI}") == "some-random-text"


def test_a_cell_is_stored_as_text_under_its_name(shell):
    stored = shell.run_cell_magic("kc", "store notes.txt", "first line\nsecond line\n")
    (uri,) = stored.uris.values()
    assert uri.endswith("/notes.txt")
    assert kc.load_text(uri) == "first line\nsecond line\n"


def test_a_cell_cannot_be_loaded(shell):
    with pytest.raises(UsageError, match="%%kc store"):
        shell.run_cell_magic("kc", f"load {URI}", "text")


def test_what_is_stored_is_listed(shell):
    kc.store_text("some-random-text", "remark.txt")
    assert "remark.txt" in repr(shell.run_line_magic("kc", "ls remark"))
    assert "remark.txt" not in repr(shell.run_line_magic("kc", "ls other"))


def test_what_is_known_of_a_uri_is_shown(shell):
    kc.store_text("some-random-text")
    assert "16" in repr(shell.run_line_magic("kc", f"info {URI}"))


@pytest.mark.parametrize("verb", ["load", "info"])
def test_what_is_not_there_is_an_error(shell, verb):
    with pytest.raises(ContentNotFoundError, match="not in the store"):
        shell.run_line_magic("kc", f"{verb} {URI}")


def test_what_cannot_be_loaded_can_be_asked_about_by_copying(shell):
    with pytest.raises(ContentNotFoundError, match=f"`%kc explain {URI}`"):
        shell.run_line_magic("kc", f"load {URI}")


@pytest.mark.parametrize("line", [f"load {URI}", "channel invite lab 4f0ce1", "feed tail feed://x"])
def test_what_goes_wrong_is_shown_in_one_line_with_what_to_do(shell, capsys, line):
    result = shell.run_cell(f"%kc {line}")
    assert isinstance(result.error_in_exec, KacheryError)
    shown = capsys.readouterr().out.strip()
    assert shown == f"{type(result.error_in_exec).__name__}: {result.error_in_exec}"


def test_a_cell_that_is_cached_shows_where_its_own_mistake_is(shell, capsys):
    result = shell.run_cell(
        "%%kc cache\nimport kachery_jupyter as kc\nx = kc.load_text('sha1://1')"
    )
    assert isinstance(result.error_in_exec, KacheryError)
    assert "Traceback" in capsys.readouterr().out


def test_a_variable_that_is_not_there_stores_nothing(shell):
    shell.push({"there": "text"})
    with pytest.raises(UsageError, match="'missing'"):
        shell.run_line_magic("kc", "store there missing")
    assert kc.list_files() == []


def test_a_value_goes_into_no_name_that_is_none(shell):
    with pytest.raises(UsageError, match="variable"):
        shell.run_line_magic("kc", f"load {URI} -> 1x")


def test_help_names_every_verb(shell):
    shown = repr(shell.run_line_magic("kc", "help"))
    assert all(f"%kc {verb}" in shown for verb in ("store", "load", "ls", "info", "status"))


def test_the_status_of_a_node_is_shown(shell, tmp_path, monkeypatch):
    with pytest.raises(KacheryError, match="offline"):
        shell.run_line_magic("kc", "status")
    with running_node(tmp_path / "node") as node:
        monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
        monkeypatch.setenv("KACHERY_STORAGE_DIR", str(node.storage))
        monkeypatch.setenv("KACHERY_DAEMON_PORT", str(node.port))
        assert node.facts["node_id"] in repr(shell.run_line_magic("kc", "status"))


def test_tab_completes_verbs_variables_and_uris(shell):
    kc.store_text("some-random-text")
    shell.push({"waves": 1, "weather": 2, "other": 3})
    assert {"store", "status"} <= completions(shell, "%kc st")
    assert completions(shell, "%kc store w") == {"waves", "weather"}
    assert completions(shell, "%kc store waves we") == {"weather"}
    assert completions(shell, "%kc load sha1://6a") == {URI}
    assert completions(shell, "%kc load sha") == {URI}
    assert completions(shell, "%kc load ") == {URI}
    assert completions(shell, "%kc load file") == {URI}
    assert completions(shell, "%kc load sha1://7") == set()
    assert completions(shell, f"%kc load {URI} -> we") == {"weather"}


def test_tab_completes_what_may_stand_above_a_cell_options_and_roles(shell):
    shell.push({"waves": 1})
    assert completions(shell, "%%kc ") == {"store", "cache"}
    assert completions(shell, "%%kc cache w") == {"waves"}
    assert completions(shell, "%%kc cache --") == {"--again"}
    assert completions(shell, "%kc load --") == {"--as", "--channel"}
    assert completions(shell, "%kc freeze --j") == {"--json"}
    assert completions(shell, "%kc feed tail -") == {"-n"}
    assert completions(shell, "%kc channel invite lab ID --roles request-fi") == {"request-files"}
    found = completions(shell, "%kc channel invite lab ID --roles request-files,provide-fe")
    assert found == {"request-files,provide-feeds"}


def test_a_single_stored_variable_is_a_chip_where_there_are_chips(shell):
    shell.push({"waves": np.arange(3), "text": "x"})
    bundle = shell.run_line_magic("kc", "store waves")._repr_mimebundle_()
    assert bundle["application/vnd.kachery.uri+json"] == {
        "uri": bundle["text/plain"],
        "name": "waves.npy",
        "kind": "npy",
        "size": 152,
    }
    assert "<svg" in bundle["text/html"]
    both = shell.run_line_magic("kc", "store waves text")._repr_mimebundle_()
    assert set(both) == {"text/plain", "text/html"}


def test_the_browser_is_shown(shell):
    kc.store_text("some-random-text")
    browser = shell.run_line_magic("kc", "browse")
    assert URI in browser._repr_mimebundle_()["text/plain"]
    browser.close()


def test_what_a_notebook_used_is_listed_and_written(shell, tmp_path, capsys):
    forget_notes()
    shell.push({"waves": np.arange(3)})
    (uri,) = shell.run_line_magic("kc", "store waves").uris.values()
    assert uri in repr(shell.run_line_magic("kc", "freeze"))
    assert f'"uri": "{uri}"' in repr(shell.run_line_magic("kc", "freeze --json"))
    shell.run_line_magic("kc", f"freeze {tmp_path / 'frozen.json'}")
    assert f"wrote {tmp_path / 'frozen.json'}" in capsys.readouterr().out
    frozen = json.loads((tmp_path / "frozen.json").read_text())
    assert [one["uri"] for one in frozen["stored"]] == [uri]


def test_tab_elsewhere_is_left_alone(shell):
    shell.push({"waves": 1})
    assert "waves" in completions(shell, "wav")
    assert URI not in completions(shell, "x = sha1")


def test_tab_is_quiet_without_a_node(shell, monkeypatch):
    monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    assert completions(shell, "%kc load sha1://6a") == set()


def test_loading_the_extension_twice_completes_once(shell):
    before = len(shell.Completer.custom_matchers)
    shell.run_line_magic("reload_ext", "kachery_jupyter")
    assert len(shell.Completer.custom_matchers) == before
