"""Small values that may change, by name: any JSON value under any JSON key."""

from __future__ import annotations

from typing import Any

from kachery_core.digests import json_bytes
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.formats import encode_json


def get_value(key: Any) -> Any:
    """The value under a key, or None if there is none."""
    place = current_place()
    encode_json(key)
    if place.guest_of is not None:
        return place.guest_of.door.request("POST", "/mutables/get", {"key": key})["value"]
    return place.store.mutables.get(key)


def set_value(key: Any, value: Any, update: bool = True) -> bool:  # noqa: FBT002 - as kachery has it
    """Set a value.

    Args:
        key: any JSON value.
        value: any JSON value, None included.
        update: False to set it only if there is none yet.

    Returns:
        Whether it was set.
    """
    place = current_place()
    encode_json([key, value])
    if place.guest_of is not None:
        request = {"key": key, "value": value, "update": update}
        return bool(place.guest_of.door.request("POST", "/mutables/set", request)["changed"])
    return place.store.mutables.set(key, value, update=update)


def get_string(key: Any) -> str | None:
    """The value under a key, as text: what is not text, as JSON. None if there is none."""
    value = get_value(key)
    return value if value is None or isinstance(value, str) else json_bytes(value).decode()


def delete_value(key: Any) -> bool:
    """Remove the value under a key. Whether there was one."""
    place = current_place()
    encode_json(key)
    if place.guest_of is not None:
        request = {"key": key}
        return bool(place.guest_of.door.request("POST", "/mutables/delete", request)["changed"])
    return place.store.mutables.delete(key)
