"""What is stored here: looking at it, protecting it, letting it go."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from kachery_core.errors import LinkedFileChangedError, OwnerOnlyError, StorageReadOnlyError
from kachery_core.uris import ContentUri
from kachery_jupyter.client.connection import current_node, current_place
from kachery_jupyter.client.file_info import FileInfo, FileList
from kachery_jupyter.client.locating import content_uri, held_content
from kachery_store.catalog import Entry
from kachery_store.objects import Held

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_jupyter.client.connection import Place
    from kachery_store.fsck import Report
    from kachery_store.store import Store

_UNLIMITED = 1 << 62


def info(uri: str) -> FileInfo | None:
    """What is known of a content; None if it is not here."""
    parts = content_uri(uri)
    place = current_place()
    held = _find(place, parts.sha1)
    if held is None:
        return None
    entry = _entry_of(place, parts.sha1)
    if entry is None:
        kind = "folder" if parts.is_folder else "link" if held.is_link else "file"
        entry = Entry(parts.sha1, parts.name, kind, held.size, parts.manifest or "")
    return _info(entry, held)


def list_files(search: str = "", limit: int = 100) -> FileList:
    """What was stored here, the newest first.

    Args:
        search: text in the name, the kind or the hash; all if empty.
        limit: how many at most.

    Returns:
        A list, which notebooks show as a table.
    """
    place = current_place()
    if place.guest_of is not None:
        query = urlencode({"search": search, "limit": limit}, quote_via=quote)
        answer = place.guest_of.door.request("GET", f"/files?{query}")
        entries = [_entry_from_wire(value) for value in answer["files"]]
    else:
        entries = place.store.catalog.search(search, limit=limit)
    return FileList(_info(entry, _held(place, entry)) for entry in entries)


def remove(uri: str) -> None:
    """Move content to the trash, where it stays for a week.

    Raises:
        ContentNotFoundError: it is not here.
        OwnerOnlyError: the store is somebody else's.
    """
    from kachery_store.collection import Collection  # noqa: PLC0415 - rarely needed

    sha1 = content_uri(uri).sha1
    place = current_place()
    if place.guest_of is not None:
        place.guest_of.door.request("DELETE", f"/files/{sha1}")
        return
    Collection(place.store).remove(sha1)


def restore(uri: str) -> None:
    """Bring content back from the trash.

    Raises:
        ContentNotFoundError: it is not in the trash.
        OwnerOnlyError: the store is somebody else's.
    """
    from kachery_store.collection import Collection  # noqa: PLC0415 - rarely needed

    sha1 = content_uri(uri).sha1
    place = current_place()
    if place.guest_of is not None:
        place.guest_of.door.request("POST", f"/files/{sha1}/restore", {})
        return
    Collection(place.store).restore(sha1)


def pin(uri: str) -> None:
    """Never let this content go to make room.

    Raises:
        ContentNotFoundError: it is not here.
        OwnerOnlyError: the store is somebody else's.
    """
    _set_pinned(uri, pinned=True)


def unpin(uri: str) -> None:
    """Let this content go again to make room, if it was fetched from another node."""
    _set_pinned(uri, pinned=False)


def gc(dry_run: bool = True, quota_bytes: int | None = None) -> list[FileInfo]:  # noqa: FBT002 - read at the call as a name
    """Delete what has been in the trash for a week, and let go of fetched content above a quota.

    What was stored here never goes unless somebody removed it.

    Args:
        dry_run: only say what would go.
        quota_bytes: what fetched content may take; no limit if left out.

    Returns:
        What went, or would go.
    """
    from kachery_store.collection import Collection  # noqa: PLC0415 - rarely needed

    collection = Collection(_own_store())
    quota = _UNLIMITED if quota_bytes is None else quota_bytes
    gone = [
        *collection.empty_trash(dry_run=dry_run),
        *collection.collect(quota, dry_run=dry_run),
    ]
    return [_info(entry, None) for entry in gone]


def fsck() -> Report:
    """Read everything that is stored and compare it with its name; the catalog is repaired."""
    from kachery_jupyter.client.progress import progress_bar  # noqa: PLC0415 - rarely needed
    from kachery_store.fsck import check_store  # noqa: PLC0415 - rarely needed

    store = _own_store()
    with progress_bar(store.catalog.totals()[1], "Checking") as advance:
        return check_store(store, advance)


def get_node_id() -> str:
    """The running node's public key, 64 hex digits.

    Raises:
        OfflineError: there is no node in offline mode.
    """
    return current_node().probe.node_id


def storage_dir() -> Path:
    """The folder content is kept in."""
    return current_place().store.folder.root


def _set_pinned(uri: str, *, pinned: bool) -> None:
    parts = content_uri(uri)
    place = current_place()
    if place.guest_of is not None:
        place.guest_of.door.request("POST", f"/files/{parts.sha1}/pin", {"pinned": pinned})
        return
    _check_writable(place)
    held = place.store.objects.get(parts.sha1)
    if place.store.catalog.find(parts.sha1) is None:
        # Content of an older kachery's folder: nobody entered it yet.
        kind = "link" if held.is_link else "file"
        place.store.catalog.add(Entry(parts.sha1, parts.name, kind, held.size))
    place.store.catalog.pin(parts.sha1, pinned=pinned)


def _own_store() -> Store:
    place = current_place()
    if place.guest_of is not None:
        raise OwnerOnlyError(
            "The storage folder is somebody else's.", hint="Ask the owner of the node to do this."
        )
    _check_writable(place)
    return place.store


def _check_writable(place: Place) -> None:
    if not place.store.writable:
        raise StorageReadOnlyError(
            f"The storage folder {place.store.folder.root} cannot be written.",
            hint="Name a folder of your own.",
        )


def _entry_of(place: Place, sha1: str) -> Entry | None:
    if place.guest_of is not None:
        entry = place.guest_of.door.request("GET", f"/files/{sha1}/info").get("entry")
        return None if entry is None else _entry_from_wire(entry)
    return place.store.catalog.find(sha1) if place.store.writable else None


def _entry_from_wire(value: dict[str, Any]) -> Entry:
    names = Entry.__dataclass_fields__
    return Entry(**{name: part for name, part in value.items() if name in names})


def _find(place: Place, sha1: str) -> Held | None:
    """What is held, as far as names tell."""
    if place.reads_by_node is None:
        return place.store.objects.find(sha1)
    content = held_content(sha1)
    path = place.store.folder.object_path(sha1)
    return None if content is None else Held(sha1, path, content.size, is_link=False)


def _held(place: Place, entry: Entry) -> Held | None:
    """What is behind an entry of the list."""
    if place.reads_by_node is not None:
        path = place.store.folder.object_path(entry.sha1)
        return Held(entry.sha1, path, entry.size, is_link=entry.kind == "link")
    try:
        return place.store.objects.find(entry.sha1)
    except LinkedFileChangedError:
        return None


def _info(entry: Entry, held: Held | None) -> FileInfo:
    parts = ContentUri(
        entry.sha1, entry.name, entry.manifest or None, is_folder=entry.kind == "folder"
    )
    return FileInfo(
        uri=str(parts),
        name=entry.name,
        kind=entry.kind,
        size=entry.size,
        sha1=entry.sha1,
        path=str(held.path) if held else None,
        stored_at=datetime.fromtimestamp(entry.stored_at, timezone.utc)
        if entry.stored_at
        else None,
        pinned=entry.pinned,
        link=bool(held and held.is_link),
        manifest=entry.manifest,
        fetched=entry.fetched,
        trashed=entry.trashed_at is not None,
        origin=entry.origin or {},
    )
