"""Errors of streams are what Python programs already know how to handle."""

import pytest

from kachery_core import stream_errors
from kachery_core.errors import error_classes


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("NotStreamableError", TypeError),
        ("NotStreamableError", ValueError),
        ("AddressTakenError", ConnectionError),
        ("StreamTimeoutError", TimeoutError),
        ("StreamClosedError", ConnectionError),
        ("BadPacketError", ValueError),
    ],
)
def test_an_error_is_also_what_python_calls_it(name, builtin):
    assert issubclass(getattr(stream_errors, name), builtin)


def test_each_has_a_code():
    assert error_classes()["bad-packet"] is stream_errors.BadPacketError
