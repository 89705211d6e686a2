"""`%kc feed` in a real IPython shell beside a real node, and how notebooks show feeds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from IPython.core.error import UsageError

import kachery_jupyter as kc
from kachery_core.errors import FeedExistsError, FeedNotFoundError
from tests.support.nodes import running_node
from tests.support.notebook_shells import completions, shell_with_magics

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One node for all tests here; each makes feeds of its own."""
    with running_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def shell(node, tmp_path, monkeypatch):
    """A shell with the extension loaded."""
    environment = {
        "KACHERY_STORAGE_DIR": str(node.storage),
        "KACHERY_DAEMON_PORT": str(node.port),
    }
    with shell_with_magics(tmp_path, monkeypatch, **environment) as shell:
        yield shell


def run(shell, line):
    """Run a line as a cell of a notebook; its value."""
    result = shell.run_cell(f"%kc {line}")
    result.raise_error()
    return result.result


def test_a_feed_is_made_and_found_by_its_name(shell):
    feed = run(shell, "feed create found")
    assert kc.load_feed("found").uri == feed.uri
    assert "found" in repr(run(shell, "feed ls"))
    with pytest.raises(FeedExistsError):
        kc.create_feed("found")
    with pytest.raises(FeedExistsError):
        shell.run_line_magic("kc", "feed create found")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"p": 2, "n": 1}', {"p": 2, "n": 1}),
        ('{"p":2}', {"p": 2}),
        ("""{"it's": "a \\"quote\\" # and $HOME {x}"}""", {"it's": 'a "quote" # and $HOME {x}'}),
        ("[1, 2.5, null, true]", [1, 2.5, None, True]),
        ('"text of {x} and $x"', "text of {x} and $x"),
        ("-1", -1),
        ("reading", {"m": 4}),
    ],
)
def test_what_is_written_after_the_uri_is_the_message(shell, text, message):
    subfeed = kc.create_feed().load_subfeed("main")
    shell.push({"x": "not this", "p": "nor this", "reading": {"m": 4}})
    assert run(shell, f"feed append {subfeed.uri} {text}") == 0
    assert subfeed[:] == [message]


def test_a_subfeed_may_be_named_by_a_variable_or_a_value(shell):
    subfeed = kc.create_feed().load_subfeed("main")
    shell.push({"subfeed": subfeed, "uri": subfeed.uri})
    for number, name in enumerate(["subfeed", "uri", "{uri}", "$uri", "{subfeed.uri}"]):
        assert run(shell, f'feed append {name} {{"n": {number}}}') == number
    assert [message["n"] for message in subfeed[:]] == [0, 1, 2, 3, 4]


def test_an_array_is_appended_as_content(shell):
    subfeed = kc.create_feed().load_subfeed("main")
    shell.push({"waves": {"x": np.arange(4)}})
    run(shell, f"feed append {subfeed.uri} waves")
    assert np.array_equal(subfeed[0]["x"], np.arange(4))
    assert "sha1://" in repr(run(shell, f"feed tail {subfeed.uri}"))


def test_the_last_messages_are_shown(shell):
    subfeed = kc.create_feed().load_subfeed("main")
    assert "time" in repr(run(shell, f"feed tail {subfeed.uri}"))
    subfeed.append_messages([{"n": number} for number in range(30)])
    shown = run(shell, f"feed tail {subfeed.uri} -n 2")
    assert [(row[0], row[2]) for row in shown.rows] == [("28", '{"n": 28}'), ("29", '{"n": 29}')]
    assert len(run(shell, f"feed tail {subfeed.uri}").rows) == 10
    assert len(run(shell, f"feed tail {subfeed.uri} -n 0").rows) == 0
    assert subfeed.position == 0


@pytest.mark.parametrize(
    "line",
    [
        "feed",
        "feed burn",
        "feed append",
        "feed append feed://x",
        "feed tail x -n -1",
        "feed tail x -n y",
        "feed create a b",
    ],
)
def test_what_cannot_be_understood_is_said_in_one_line(shell, line):
    with pytest.raises(UsageError, match="help"):
        shell.run_line_magic("kc", line)


def test_a_message_that_is_neither_a_variable_nor_json_appends_nothing(shell):
    subfeed = kc.create_feed().load_subfeed("main")
    with pytest.raises(UsageError, match="neither a variable nor JSON"):
        shell.run_line_magic("kc", f"feed append {subfeed.uri} {{n: 1}}")
    assert len(subfeed) == 0
    with pytest.raises(FeedNotFoundError):
        shell.run_line_magic("kc", f"feed append feed://{64 * '0'}/main 1")


def test_the_other_verbs_still_replace_names_by_values(shell):
    uri = kc.store_text("some-random-text")
    shell.push({"uri": uri})
    assert run(shell, "load {uri}") == "some-random-text"
    assert run(shell, "load $uri") == "some-random-text"


def test_tab_completes_verbs_names_uris_and_variables(shell):
    feed = kc.create_feed("tabulated")
    feed.load_subfeed("main").append_message(1)
    feed.load_subfeed({"a": 1}).append_message(1)
    shell.push({"waves": 1, "followed": feed.load_subfeed("main")})
    assert completions(shell, "%kc feed ") == {"create", "append", "tail", "ls"}
    assert completions(shell, "%kc feed t") == {"tail"}
    assert completions(shell, "%kc feed tail tabu") == {f"{feed.uri}/"}
    assert f"{feed.uri}/" in completions(shell, "%kc feed tail feed:")
    assert completions(shell, f"%kc feed append {feed.uri[:30]}") == {f"{feed.uri}/"}
    assert completions(shell, f"%kc feed append {feed.uri}/") == {
        f"{feed.uri}/main",
        feed.load_subfeed({"a": 1}).uri,
    }
    assert completions(shell, f"%kc feed append {feed.uri}/ma") == {f"{feed.uri}/main"}
    assert completions(shell, "%kc feed tail foll") == {"followed"}
    assert completions(shell, f"%kc feed append {feed.uri}/main wa") == {"waves"}
    assert completions(shell, "%kc feed tail feed://123") == set()
    assert completions(shell, f"%kc feed tail feed://{64 * '0'}/nothing") == set()


def test_tab_is_quiet_without_a_node(shell, monkeypatch):
    monkeypatch.delenv("KACHERY_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    assert completions(shell, "%kc feed tail feed://zz") == set()


def html_of(shell, value):
    formats, _ = shell.display_formatter.format(value)
    return formats["text/html"]


def test_a_notebook_shows_feeds_and_their_last_messages(shell):
    feed = kc.create_feed("<b>bold</b>")
    subfeed = feed.load_subfeed("<i>main</i>")
    subfeed.append_messages([{"n": number} for number in range(6)])
    subfeed.append_message("<script>alert(1)</script>\u202e\x9b")
    shown = html_of(shell, feed)
    assert feed.uri in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    shown = html_of(shell, subfeed)
    assert "<td" in shown
    assert ">7<" in shown
    assert json.dumps({"n": 5}).replace('"', "&quot;") in shown
    assert "&quot;n&quot;: 1}" not in shown
    assert "<script" not in shown
    assert "<i>" not in shown
    assert "\u202e" not in shown
    assert "\x9b" not in shown
    feed.retire(reason="<b>over</b>")
    assert "&lt;b&gt;over" in html_of(shell, feed)
    for text in (f"feed tail {subfeed.uri}", "feed ls"):
        shown = html_of(shell, run(shell, text))
        assert "<script" not in shown
        assert "<b>" not in shown


def test_a_subfeed_can_be_looked_at_when_the_node_is_gone(shell, monkeypatch):
    subfeed = kc.create_feed().load_subfeed("main")
    monkeypatch.delenv("KACHERY_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    assert subfeed.uri in html_of(shell, subfeed)
