"""Explanations go over the wire and back, also from a newer node."""

import msgspec
import pytest

from kachery_core.roles import Role
from kachery_core.wire.explanations import (
    ChannelFacts,
    Check,
    Checks,
    ExplainQuery,
    Explanation,
    ProviderFacts,
)

PROVIDER = ProviderFacts("ab" * 32, "alice", *(True,), "has it", 17, "direct", "odd")
CHANNEL = ChannelFacts(
    *("lab", "A", "tls://hub:1", "connected", Role.REQUEST_FILES),
    *(True, False, True, "trouble", "advice", 3, [PROVIDER], 1_790_000_000, 0.5),
)
EXPLANATION = Explanation(
    *("sha1://…", "the content", False, "no"), [CHANNEL], "It is there.", "Load it."
)


@pytest.mark.parametrize("value", [EXPLANATION, Checks([Check("warning", "clock", "off", "set")])])
def test_what_is_sent_is_what_arrives(value) -> None:
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_what_a_newer_node_adds_is_passed_over() -> None:
    value = msgspec.to_builtins(EXPLANATION) | {"more": 1}
    assert msgspec.convert(value, Explanation) == EXPLANATION


def test_nobody_asks_about_more_than_a_uri() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"uri": "x" * 8193}, ExplainQuery)
