"""How a node is, in words: the same in notebooks and in the shell."""

from __future__ import annotations

from typing import Any

from kachery_jupyter.client.file_info import size_text


def status_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values for people.

    Args:
        facts: as the node tells them; an older node tells less.
    """
    contents = facts["contents"]
    hours, seconds = divmod(int(facts["uptime_seconds"]), 3600)
    rows = [
        ("node", facts["node_id"]),
        ("version", facts["version"]),
        ("storage", facts["storage_dir"]),
        ("holds", f"{contents:,} content{_plural(contents)}, {size_text(facts['bytes'])}"),
        ("free", size_text(facts["free_bytes"])),
        ("running for", f"{hours} h {seconds // 60} min {seconds % 60} s"),
        ("shared", "with other users of this computer" if facts["shared"] else "no"),
    ]
    if "sharing" in facts:
        is_on = facts["sharing"].get("enabled")
        rows.append(("sharing", "on" if is_on else "off: nothing is served, nobody is asked"))
    if "direct" in facts:
        rows.append(("direct", _direct(facts["direct"])))
    if facts.get("quota") is not None:
        rows.append(("archive", f"keeps up to {size_text(facts['quota'])}"))
    return [*rows, *map(_setting, filter(_is_set, facts["settings"]))]


def _is_set(setting: dict[str, Any]) -> bool:
    return bool(setting["source"] != "default")


def _setting(setting: dict[str, Any]) -> tuple[str, str]:
    # Of the node's own environment, which need not be that of who asks.
    source = "an option" if setting["source"] == "option" else setting["source"]
    name = setting["name"].replace("_", " ")
    return name, f"{setting['value']} (the node was started with {source})"


def _direct(value: dict[str, Any]) -> str:
    """Whether others reach this node directly."""
    reachable = {True: "reachable", False: "not reachable", None: "not known yet"}
    said = reachable.get(value.get("reachable"), "not known yet")
    return said if value.get("port") is None else f"{said}, port {value['port']}"


def _plural(number: int) -> str:
    return "" if number == 1 else "s"
