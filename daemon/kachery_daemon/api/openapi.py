"""The description of the API, made of the same marks that the checks are made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from kachery_core.wire.local import API_PATH, API_VERSION, ORIGIN_HEADER, TOKEN_HEADER, ErrorAnswer
from kachery_daemon.api.door import Role
from kachery_daemon.api.endpoint import BYTES, JSON, Endpoint
from kachery_daemon.api.operations import Operation, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_REF = "#/components/schemas/{name}"


class DescriptionEndpoint(Endpoint):
    """The description itself."""

    PATH = f"{API_PATH}/openapi.json"

    @override
    @operation("This description.", dict)
    async def get(self) -> dict[str, Any]:
        """Describe the API."""
        description: dict[str, Any] = self.settings["description"]
        return description


def operations(endpoint: type[Endpoint]) -> dict[str, Operation]:
    """The methods of an endpoint that can be called."""
    marks = {name: getattr(getattr(endpoint, name), "operation", None) for name in _METHODS}
    return {name: mark for name, mark in marks.items() if isinstance(mark, Operation)}


def describe(endpoints: Sequence[type[Endpoint]], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of some endpoints."""
    found = [mark for endpoint in endpoints for mark in operations(endpoint).values()]
    types = {each for mark in found for each in (mark.answer, mark.query, mark.body)}
    types -= {None, dict}
    ordered = sorted({*types, ErrorAnswer}, key=lambda each: str(getattr(each, "__name__", each)))
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The local door of a kachery node",
            "version": f"{API_VERSION} ({version})",
        },
        "paths": {
            endpoint.PATH: {
                name: _described(endpoint, mark, components)
                for name, mark in operations(endpoint).items()
            }
            for endpoint in endpoints
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}},
        },
    }


def _described(
    endpoint: type[Endpoint], mark: Operation, components: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": mark.summary,
        "parameters": [
            *(_parameter(name, "path", {"type": "string"}) for name in _names(endpoint.PATH)),
            *_query_parameters(mark, components),
        ],
        "responses": {
            "200": {"description": "It is done.", "content": _content(mark.answer)},
            "default": {"description": "What went wrong.", "content": _content(ErrorAnswer)},
        },
        "x-role": mark.role.name.lower(),
    }
    if mark.role > Role.ANYONE:
        described["security"] = [{"token": []}]
    if mark.takes_bytes:
        described["parameters"].append(_parameter(ORIGIN_HEADER, "header", {"type": "string"}))
    if mark.takes_bytes or mark.body is not None:
        described["requestBody"] = {"required": True, "content": _content(mark.body)}
    return described


def _query_parameters(mark: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    if mark.query is None:
        return []
    properties = components[mark.query.__name__]["properties"]
    return [_parameter(name, "query", schema) for name, schema in properties.items()]


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _content(message: type | None) -> dict[str, Any]:
    if message is None:
        return {BYTES: {"schema": {"type": "string", "format": "binary"}}}
    if message is dict:
        return {JSON: {"schema": {"type": "object"}}}
    return {JSON: {"schema": {"$ref": _REF.format(name=message.__name__)}}}


def _names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)
