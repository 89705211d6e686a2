"""What was seen comes to one sentence, and says whose turn it is."""

from __future__ import annotations

from typing import Any

from kachery_core.roles import Role
from kachery_core.wire.explanations import ChannelFacts, ProviderFacts
from kachery_daemon.sharing.conclusions import conclude

FILES = Role.REQUEST_FILES


def provider(answer: str, node: str = "a", problem: str = "") -> ProviderFacts:
    has_it = answer == "has it"
    size, path = (7, "hub") if has_it else (None, "")
    return ProviderFacts(*(node * 64, "", False), answer, size, path, problem)


def channel(name: str = "lab", *providers: ProviderFacts, **changes: Any) -> ChannelFacts:
    facts: dict[str, Any] = {
        "name": name,
        "channel_id": "A",
        "hub": "tls://hub:1",
        "state": "connected",
        "role": FILES,
        "is_granted": True,
        "is_enabled": True,
        "was_asked": True,
        "problem": "",
        "advice": "",
        "present": len(providers),
        "providers": list(providers),
        "expires_at": 0,
    }
    return ChannelFacts(**facts | changes)


AWAY = {"was_asked": False, "state": "connecting", "problem": "The hub is gone.", "advice": "Wait."}


def test_what_is_here_needs_no_advice() -> None:
    assert conclude([channel()], FILES, is_here=True) == ("It is here.", "")


def test_without_channels_there_is_nobody_to_ask() -> None:
    said, advice = conclude([], FILES, is_here=False)
    assert "in no channel" in said
    assert "kachery channel join" in advice


def test_whoever_has_it_is_counted_once() -> None:
    has_it = provider("has it")
    said, _ = conclude([channel("a", has_it), channel("b", has_it)], FILES, is_here=False)
    assert said == "1 other node has it, on channels 'a', 'b': it can be loaded."
    said, advice = conclude(
        [channel("a", has_it, provider("has it", "b", "Doubtful.")), channel("b", **AWAY)],
        FILES,
        is_here=False,
    )
    assert said == "2 other nodes have it, on channel 'a': it can be loaded."
    assert advice.startswith("Doubtful.")


def test_a_role_that_is_missing_everywhere_is_what_to_get() -> None:
    missing = channel(
        is_granted=False, was_asked=False, problem="No role.", advice="Ask the owner."
    )
    said, advice = conclude([missing], FILES, is_here=False)
    assert "may not request files on any of its channels" in said
    assert advice == "Ask the owner."
    said, _ = conclude([channel(is_enabled=False, was_asked=False)], FILES, is_here=False)
    assert "may not request" in said


def test_a_hub_that_is_away_is_named() -> None:
    said, advice = conclude([channel("far", **AWAY)], FILES, is_here=False)
    assert said == "It is not here, and no channel could be asked. The hub is gone."
    assert advice == "Wait."
    nothing = channel("near", provider("has it not"))
    said, advice = conclude([nothing, channel("far", **AWAY)], FILES, is_here=False)
    assert "channel 'far' could not be asked. The hub is gone." in said
    assert advice == "Wait."


def test_a_channel_without_the_role_does_not_hide_that_others_were_asked() -> None:
    missing = channel("b", is_granted=False, was_asked=False)
    said, _ = conclude([channel("a", provider("has it not")), missing], FILES, is_here=False)
    assert said == "Nobody who is there has it: channel 'a' was asked."


def test_nobody_there_is_something_else_than_nobody_who_has_it() -> None:
    said, advice = conclude([channel("a")], FILES, is_here=False)
    assert said == "Nobody who may provide files is there on channel 'a'."
    assert "provide-files" in advice
    said, _ = conclude([channel("a")], Role.REQUEST_FEEDS, is_here=False)
    assert "provide feeds" in said


def test_silence_is_something_else_than_no() -> None:
    silent = [provider("silent"), provider("has it not", "b")]
    said, advice = conclude([channel("a", *silent)], FILES, is_here=False)
    assert said == "Nobody who answered has it; a node did not answer in time."
    assert "again" in advice
    said, _ = conclude([channel("a", *silent, provider("silent", "c"))], FILES, is_here=False)
    assert "2 nodes" in said
