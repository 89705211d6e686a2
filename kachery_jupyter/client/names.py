"""Every public name: which module has it, and what it is called there.

A new public function is entered here, among the imports for type checkers in `kachery_jupyter`
and, unless it touches nothing, in `awaitable`. The tests compare the three.
"""

from __future__ import annotations

_CLIENT = "kachery_jupyter.client"
_HOME_NAMES = {
    "kachery_core.errors": ("KacheryError",),
    "kachery_core.uris": ("KacheryUri", "build_uri", "parse_uri"),
    f"{_CLIENT}.batches": ("load_many",),
    f"{_CLIENT}.dependencies": ("Dependencies", "freeze"),
    f"{_CLIENT}.explaining": ("explain",),
    f"{_CLIENT}.explanation": ("Explanation",),
    f"{_CLIENT}.feed_exports": ("compare_export", "export_feed", "read_export"),
    f"{_CLIENT}.feeds": (
        "Feed",
        "create_feed",
        "delete_feed",
        "get_feed_id",
        "list_feeds",
        "load_feed",
        "load_subfeed",
        "watch_for_new_messages",
    ),
    f"{_CLIENT}.folders": ("list_dir", "load_dir", "store_dir"),
    f"{_CLIENT}.file_info": ("FileInfo",),
    f"{_CLIENT}.holdings": (
        "fsck",
        "gc",
        "get_node_id",
        "info",
        "list_files",
        "pin",
        "remove",
        "restore",
        "unpin",
    ),
    f"{_CLIENT}.loading": (
        "exists",
        "load_bytes",
        "load_file",
        "load_json",
        "load_npy",
        "load_object",
        "load_pkl",
        "load_text",
    ),
    f"{_CLIENT}.mutables": ("get_string",),
    f"{_CLIENT}.previews": ("preview",),
    f"{_CLIENT}.previews_forms": ("Preview",),
    f"{_CLIENT}.progress": ("progress",),
    f"{_CLIENT}.storing": (
        "link_file",
        "store_bytes",
        "store_file",
        "store_json",
        "store_many",
        "store_npy",
        "store_object",
        "store_pkl",
        "store_text",
    ),
    f"{_CLIENT}.subfeeds": ("Subfeed",),
    "kachery_jupyter.streams.publisher": ("ZMQPublisher",),
    "kachery_jupyter.streams.subscriber": ("ZMQSubscriber",),
    "kachery_jupyter.widgets.browser": ("browse",),
}
# Names that would hide Python's own, or say too little, inside the module that has them.
_RENAMED = {
    "channels": (_CLIENT, "belonging"),
    "delete": (f"{_CLIENT}.mutables", "delete_value"),
    "get": (f"{_CLIENT}.mutables", "get_value"),
    "open": (f"{_CLIENT}.loading", "open_content"),
    "set": (f"{_CLIENT}.mutables", "set_value"),
}

HOMES = {name: (home, name) for home, names in _HOME_NAMES.items() for name in names} | _RENAMED
# What touches neither disk nor network, and is the same in both packages.
PURE = {"build_uri", "parse_uri"}
# What is of this program or its notebook alone: there is nothing to wait for.
PRESENT = {"browse", "freeze", "progress"}
# Modules, with a module of the same name in `kachery_jupyter.client`.
MODULES = {"channels"}
# Functions, to be awaited in `kachery_jupyter.client`; the rest are classes.
AWAITED = {name for name in HOMES if name[0].islower()} - PURE - PRESENT - MODULES
# `from ... import *` would put these over Python's own.
HIDING = {"open", "set"}
