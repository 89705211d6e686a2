"""A node's status in words."""

import pytest

from kachery_jupyter.client.status import status_rows

FACTS = {
    "node_id": "ab",
    "version": "1.0",
    "storage_dir": "/data",
    "contents": 1,
    "bytes": 16,
    "free_bytes": 69_842_944_000,
    "uptime_seconds": 3725.9,
    "active_requests": 0,
    "shared": False,
    "settings": [],
    "something_new": {"inner": 5},
}


def test_numbers_and_states_are_words() -> None:
    assert status_rows(FACTS) == [
        ("node", "ab"),
        ("version", "1.0"),
        ("storage", "/data"),
        ("holds", "1 content, 16 bytes"),
        ("free", "69.8 GB"),
        ("running for", "1 h 2 min 5 s"),
        ("shared", "no"),
    ]


@pytest.mark.parametrize(
    ("fact", "row"),
    [
        ({"direct": {"reachable": None, "port": None}}, ("direct", "not known yet")),
        ({"direct": {"reachable": True, "port": 7}}, ("direct", "reachable, port 7")),
        ({"direct": {"reachable": False, "port": 7}}, ("direct", "not reachable, port 7")),
        ({"sharing": {"enabled": True}}, ("sharing", "on")),
        (
            {"sharing": {"enabled": False}},
            ("sharing", "off: nothing is served, nobody is asked"),
        ),
        ({"quota": 10**9}, ("archive", "keeps up to 1 GB")),
    ],
)
def test_what_a_newer_node_tells_is_shown_too(fact: dict, row: tuple[str, str]) -> None:
    assert status_rows({**FACTS, **fact})[-1] == row


def test_a_setting_is_said_to_be_the_nodes_and_not_of_this_shell() -> None:
    settings = [
        {"name": "port", "value": 20422, "source": "KACHERY_DAEMON_PORT"},
        {"name": "storage_dir", "value": "/data", "source": "option"},
        {"name": "direct", "value": True, "source": "default"},
    ]
    assert status_rows({**FACTS, "settings": settings})[-2:] == [
        ("port", "20422 (the node was started with KACHERY_DAEMON_PORT)"),
        ("storage dir", "/data (the node was started with an option)"),
    ]
