"""What `kachery hub status` says."""

import pytest

from kachery_daemon.hub.__main__ import _status_lines
from kachery_daemon.hub.status import Status


@pytest.mark.parametrize(
    ("channels", "members", "words"),
    [
        (0, 0, "none yet"),
        (1, 1, "1; news is kept for 1 member"),
        (1200, 2, "1,200; news is kept for 2 members"),
    ],
)
def test_channels_are_counted_in_words(channels, members, words):
    lines = _status_lines(Status(running=True, channels=channels, members=members))
    assert dict(lines)["channels"] == words
