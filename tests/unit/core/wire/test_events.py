"""What a node tells a program that listens."""

from typing import get_args

import msgspec

from kachery_core.wire.events import NOUNS, EventLine, Noun


def test_every_noun_can_be_told() -> None:
    assert get_args(Noun) == NOUNS
    line = msgspec.json.encode(EventLine(list(NOUNS)))
    assert msgspec.json.decode(line, type=EventLine).changed == list(NOUNS)


def test_a_line_may_only_say_that_the_node_is_there() -> None:
    assert msgspec.json.encode(EventLine()) == b"{}"
    assert msgspec.json.decode(b"{}", type=EventLine) == EventLine()
