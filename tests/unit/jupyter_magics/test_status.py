"""A node's status in words."""

from kachery_jupyter.magics.status import status_rows


def test_numbers_and_states_are_words() -> None:
    facts = {
        "node_id": "ab",
        "free_bytes": 69_842_944_000,
        "shared": False,
        "quota": None,
        "direct": {"reachable": None, "port": None, "addresses": []},
        "sharing": {"enabled": True},
        "settings": {"port": 1},
        "something_new": {"inner": 5, "size": None},
    }
    assert status_rows(facts) == [
        ("node id", "ab"),
        ("free bytes", "69.8 GB"),
        ("shared", "no"),
        ("quota", "none"),
        ("direct", "not known yet"),
        ("sharing", "on"),
        ("something new", "inner 5, size none"),
    ]


def test_whether_others_reach_it() -> None:
    for reachable, words in ((True, "reachable, port 7"), (False, "not reachable, port 7")):
        assert status_rows({"direct": {"reachable": reachable, "port": 7}}) == [("direct", words)]
    assert "off" in status_rows({"sharing": {"enabled": False}})[0][1]
