"""The description of the API is the API."""

import json
import re

from kachery_daemon.api import (
    app,
    channels,
    content,
    events,
    explain,
    feeds,
    files,
    loads,
    mutables,
    openapi,
    status,
)
from kachery_daemon.api.endpoint import Endpoint

VERBS = ("get", "head", "post", "put", "patch", "delete", "options")


MODULES = (
    app,
    channels,
    content,
    events,
    explain,
    feeds,
    files,
    loads,
    mutables,
    openapi,
    status,
)


def all_endpoints() -> set[type[Endpoint]]:
    """Every endpoint class that any module of the API defines with an address."""
    return {
        each
        for module in MODULES
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Endpoint) and hasattr(each, "PATH")
    }


def test_every_endpoint_is_served() -> None:
    assert set(app.ENDPOINTS) == all_endpoints()


def test_routes_and_description_are_the_same() -> None:
    described = openapi.describe(app.ENDPOINTS, "1")["paths"]
    written = {(each.PATH, verb) for each in app.ENDPOINTS for verb in VERBS if verb in vars(each)}
    assert written == {(path, verb) for path, verbs in described.items() for verb in verbs}


def test_every_reference_of_the_description_exists() -> None:
    description = openapi.describe(app.ENDPOINTS, "1")
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)))
    assert references <= set(description["components"]["schemas"])
    assert "Stored" in references


def test_only_the_probe_is_for_anyone() -> None:
    open_to_all = {
        path
        for path, verbs in openapi.describe(app.ENDPOINTS, "1")["paths"].items()
        if any(facts["x-role"] == "anyone" for facts in verbs.values())
    }
    assert open_to_all == {"/probe"}
