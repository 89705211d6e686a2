"""A node's status in words."""

from __future__ import annotations

from typing import Any

from kachery_jupyter.client.file_info import size_text

_SIZES = ("bytes", "free_bytes", "quota")
_UNSHOWN = ("settings",)


def status_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values for people.

    Args:
        facts: as the node tells them; what is not known here is shown as it is.
    """
    return [
        (name.replace("_", " "), _value(name, value))
        for name, value in facts.items()
        if name not in _UNSHOWN
    ]


def _value(name: str, value: Any) -> str:
    if name in _SIZES and type(value) is int:
        return size_text(value)
    if name == "direct" and isinstance(value, dict):
        return _direct(value)
    if name == "sharing" and isinstance(value, dict):
        return "on" if value.get("enabled") else "off: nothing is served, nobody is asked"
    if isinstance(value, dict):
        return ", ".join(f"{inner} {_value(inner, one)}" for inner, one in value.items())
    known = {None: "none", True: "yes", False: "no"}
    return known[value] if value is None or isinstance(value, bool) else str(value)


def _direct(value: dict[str, Any]) -> str:
    """Whether others reach this node directly."""
    reachable = {True: "reachable", False: "not reachable", None: "not known yet"}
    said = reachable.get(value.get("reachable"), "not known yet")
    return said if value.get("port") is None else f"{said}, port {value['port']}"
