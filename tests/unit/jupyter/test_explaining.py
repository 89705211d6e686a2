"""Why something is not found: asked of the node, or said without one, and shown to people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

import kachery_jupyter as kc
from kachery_core.errors import EndpointNotFoundError, InvalidUriError
from kachery_core.roles import Role
from kachery_core.wire import explanations
from kachery_core.wire.explanations import ChannelFacts, ProviderFacts

if TYPE_CHECKING:
    from tests.support.scripted_node import ScriptedNode

URI = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"
FEED = f"feed://{'ab' * 32}/primes"
PROVIDERS = [
    ProviderFacts("ab" * 32, "alice", *(False,), "has it", 17, "direct"),
    ProviderFacts("cd" * 32, "", *(True,), "has it", 17, "hub", "Odd."),
    ProviderFacts("ef" * 32, "<b>\x1b[2J", *(False,), "silent"),
    ProviderFacts("01" * 32, "", *(False,), "has it not"),
]
LAB = ChannelFacts(
    *("lab", "A", "tls://hub:1", "connected", Role.REQUEST_FILES),
    *(True, True, True, "", "", 4, PROVIDERS, 1_790_000_000, -3600.0),
)
NO_ROLE = ChannelFacts(
    *("other", "B", "tls://hub:1", "connected", Role.REQUEST_FILES),
    *(False, False, False, "No role.", "Get it.", 0, [], 1_790_000_000),
)
DISABLED = msgspec.structs.replace(NO_ROLE, name="third", is_granted=True)
FACTS = explanations.Explanation(
    *(URI, "the content", False, "no"), [LAB, NO_ROLE, DISABLED], "It can be loaded.", "Do."
)


def test_the_node_is_asked_and_what_it_says_is_shown(node: ScriptedNode) -> None:
    node.explanation = msgspec.json.encode(FACTS)
    found = kc.explain(URI)
    assert isinstance(found, kc.Explanation)
    assert node.explained == [URI]
    assert found.as_dict() == msgspec.to_builtins(FACTS)
    assert json.dumps(found.as_dict())
    assert (found.uri, found.is_here, found.conclusion) == (URI, False, "It can be loaded.")
    assert found.channels[0].providers[0].name == "alice"


def test_it_reads_as_text(node: ScriptedNode) -> None:
    node.explanation = msgspec.json.encode(FACTS)
    text = repr(kc.explain(URI))
    for part in (
        "about         the content",
        "channel lab   reached, request-files is granted and enabled, asked, 4 other nodes there",
        "this clock is 3,600 s behind the hub's",
        "node alice: has it, 17 bytes, reached directly",
        "archive cdcdcdcdcdcd: has it, 17 bytes, reached through the hub. Odd.",
        "did not answer",
        "request-files is not granted, not asked",
        "No role. Get it.",
        "request-files is granted, but disabled here",
        "\n\nIt can be loaded.\nDo.",
    ):
        assert part in text, part
    assert "\x1b" not in text


def test_it_is_a_table_in_notebooks_and_names_stay_names(node: ScriptedNode) -> None:
    node.explanation = msgspec.json.encode(FACTS)
    html = kc.explain(URI)._repr_html_()
    assert "<table>" in html
    assert "<b>It can be loaded.</b> Do." in html
    assert "&lt;b&gt;" in html
    assert "\x1b" not in html


def test_a_file_in_a_folder_is_asked_about_by_its_own_name(node: ScriptedNode) -> None:
    node.explanation = msgspec.json.encode(FACTS)
    folder = kc.store_json({"files": {"a b": {"size": 1, "sha1": "0" * 40}}})
    sha1 = kc.parse_uri(folder).hash
    uri = f"sha1dir://{sha1}.things/a%20b"
    assert kc.explain(uri).uri == uri
    assert node.explained == [f"sha1://{'0' * 40}/a%20b"]
    assert "has no 'nothing'" in kc.explain(f"sha1dir://{sha1}/nothing").conclusion
    kc.explain(f"sha1dir://{'1' * 40}.elsewhere/a")
    assert node.explained[1:] == [f"sha1dir://{'1' * 40}.elsewhere"]


def test_feeds_are_explained_too(node: ScriptedNode) -> None:
    node.explanation = msgspec.json.encode(FACTS)
    assert kc.explain(FEED).uri == FEED
    assert node.explained == [FEED]


def test_what_is_no_uri_is_refused_before_anybody_is_asked(node: ScriptedNode) -> None:
    for text in ("nonsense", "feed://nonsense", "sha1://12"):
        with pytest.raises(InvalidUriError):
            kc.explain(text)
    assert node.explained == []


def test_nonsense_of_the_node_is_said(node: ScriptedNode) -> None:
    node.explanation = b"{}"
    assert "its explanation is not understood" in kc.explain(URI).conclusion


def test_an_older_node_cannot_explain(node: ScriptedNode) -> None:
    node.refusal = EndpointNotFoundError("The node has nothing at this address.")
    assert "nothing at this address" in kc.explain(URI).conclusion


def test_offline_the_folder_is_all_there_is() -> None:
    found = kc.explain(URI)
    assert not found.is_here
    assert "offline mode nobody else is asked" in found.conclusion
    uri = kc.store_text("some-random-text")
    assert uri == URI
    found = kc.explain(URI)
    assert (found.is_here, found.conclusion, found.channels) == (True, "It is here.", [])
    assert "no feeds" in kc.explain(FEED).conclusion
    folder = kc.store_json({"files": {}})
    assert kc.explain(f"sha1dir://{kc.parse_uri(folder).hash}").is_here
    assert "has no 'a'" in kc.explain(f"sha1dir://{kc.parse_uri(folder).hash}/a").conclusion


def test_without_a_node_that_is_the_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_DAEMON_PORT", "1")
    found = kc.explain(URI)
    assert "No kachery node is running" in found.conclusion
    assert "kachery daemon start" in found.advice
