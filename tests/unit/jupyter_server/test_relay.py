"""The table of what is sent on, against the node's own description of itself."""

from __future__ import annotations

import re

import pytest

from kachery_core.wire.local import API_PATH
from kachery_daemon.api.app import ENDPOINTS
from kachery_daemon.api.openapi import describe
from kachery_jupyter.server.relay import FILES_LIST, RELAYED, Verb

DESCRIBED = describe(ENDPOINTS, "1")["paths"]
RELAYED_VERBS = [
    (pattern, method, verb)
    for pattern, verbs in {**RELAYED, "files": {"GET": FILES_LIST}}.items()
    for method, verb in verbs.items()
]
# A page needs none of these: they are for programs, or have an address of the extension's own.
KEPT_BACK = {
    "GET /api/v1/events",
    "GET /api/v1/files/{}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/ranges",
    "GET /probe",
    "HEAD /api/v1/files/{}",
    "POST /api/v1/files",
    "POST /api/v1/loads",
    "POST /api/v1/stop",
}


def plain(path: str) -> str:
    """An address with its variable parts left out."""
    return re.sub(r"\{\w+\}|\([^)]*\)", "{}", path)


@pytest.mark.parametrize(("pattern", "method", "verb"), RELAYED_VERBS)
def test_what_is_sent_on_is_what_the_node_takes(pattern: str, method: str, verb: Verb) -> None:
    found = [
        verbs[method.lower()]
        for path, verbs in DESCRIBED.items()
        if plain(path) == f"{API_PATH}/{plain(pattern)}" and method.lower() in verbs
    ]
    assert len(found) == 1
    parameters = {one["name"] for one in found[0]["parameters"] if one["in"] == "query"}
    assert set(verb.query) == parameters
    assert verb.takes_body == ("requestBody" in found[0])


def test_what_is_not_sent_on_is_kept_back_on_purpose() -> None:
    sent_on = {f"{method} {API_PATH}/{plain(pattern)}" for pattern, method, _ in RELAYED_VERBS}
    offered = {
        f"{method.upper()} {plain(path)}" for path, verbs in DESCRIBED.items() for method in verbs
    }
    others = {one for one in offered - sent_on if not re.search("mutables|messages", one)}
    assert others - {"DELETE /api/v1/feeds/{}", "POST /api/v1/feeds/{}/retire"} == KEPT_BACK
