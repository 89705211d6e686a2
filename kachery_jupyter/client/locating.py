"""From what the user names, a URI or a path, to the bytes behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kachery_core.errors import (
    ContentNotFoundError,
    InvalidInputError,
    InvalidUriError,
    PathIsFolderError,
    PathNotFoundError,
)
from kachery_core.uris import ContentUri, is_content_uri, parse_content_uri
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.dependencies import note_loaded
from kachery_jupyter.client.listings import decode_listing, find_file
from kachery_jupyter.client.located import PlainFile, Stored
from kachery_jupyter.client.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_jupyter.client.located import Located, Parts


def locate(
    uri: Any, *, channel: str | None = None, local_only: bool = False, noted: bool = True
) -> Located | None:
    """Find what a URI or a path names, here or on other nodes; then it is here.

    Args:
        uri: of a content, or of a file in a folder; or the path of a file.
        channel: the only channel to ask; all that may be asked if None.
        local_only: ask nobody.
        noted: whether the program depends on it from now on.

    Returns:
        None if the content of a URI is neither here nor on the channels.

    Raises:
        InvalidUriError: neither a URI nor a path.
        PathNotFoundError: a path with nothing there.
        HubUnreachableError, RoleMissingError, ChannelNotFoundError: see `fetching.fetch`.
    """
    if isinstance(uri, str) and is_content_uri(uri):
        parts = parse_content_uri(uri)
        found = locate_content(parts)
        if found is None and not local_only:
            found = _bring(parts, channel)
        if found is not None and noted:
            note_loaded(uri)
        return found
    return PlainFile(_path_of(uri))


def locate_parts(uri: Any, *, channel: str | None = None, local_only: bool = False) -> Parts | None:
    """The same for whoever reads a part: what is not here stays where it is.

    Raises:
        As `locate`.
    """
    found = locate(uri, local_only=True)
    if found is not None or local_only:
        return found
    parts = content_of(parse_content_uri(uri), channel)
    node = current_place().node
    if parts is None or node is None:
        return None
    note_loaded(uri)
    if parts.manifest is None:
        # Without a table that its URI vouches for, no part can be verified before all is here.
        return brought(parts, channel)
    from kachery_jupyter.client.remote_file import find_remote  # noqa: PLC0415 - rarely needed

    return held_content(parts.sha1) or find_remote(node, parts, channel)


def locate_content(parts: ContentUri) -> Located | None:
    """Find the content of a URI here."""
    if not parts.is_folder:
        return held_content(parts.sha1)
    listing = held_content(_checked_folder(parts).sha1)
    if listing is None:
        return None
    return held_content(find_file(decode_listing(listing.read()), parts).sha1)


def held_content(sha1: str) -> Located | None:
    """The content with this SHA-1 if it is here."""
    place = current_place()
    if place.reads_by_node is not None:
        from kachery_jupyter.client.guest_reading import find_at_node  # noqa: PLC0415 - rare

        return find_at_node(place.reads_by_node, sha1)
    held = place.store.objects.find(sha1)
    return None if held is None else Stored(place.store, held)


def brought(parts: ContentUri, channel: str | None = None) -> Located | None:
    """The content with this SHA-1, here or, after that, from other nodes."""
    found = held_content(parts.sha1)
    if found is None:
        from kachery_jupyter.client.fetching import fetch  # noqa: PLC0415 - rarely needed

        found = held_content(parts.sha1) if fetch([parts], channel)[0] else None
    return found


def bring_all(
    wanted: Sequence[ContentUri], channel: str | None = None, title: str = ""
) -> list[ContentUri]:
    """Have many contents here, with one question for those that are not; those nobody has."""
    missing = [parts for parts in wanted if held_content(parts.sha1) is None]
    if not missing:
        return []
    from kachery_jupyter.client.fetching import fetch  # noqa: PLC0415 - rarely needed

    found = fetch(missing, channel, title)
    return [parts for parts, is_here in zip(missing, found, strict=True) if not is_here]


def content_of(parts: ContentUri, channel: str | None = None) -> ContentUri | None:
    """The URI of the content itself, for a file in a folder whose listing may be elsewhere."""
    if not parts.is_folder:
        return parts
    listing = brought(ContentUri(_checked_folder(parts).sha1, parts.name), channel)
    if listing is None:
        return None
    file = find_file(decode_listing(listing.read()), parts)
    return ContentUri(file.sha1, parts.path[-1], file.manifest or None)


def _bring(parts: ContentUri, channel: str | None) -> Located | None:
    content = content_of(parts, channel)
    return None if content is None else brought(content, channel)


def _checked_folder(parts: ContentUri) -> ContentUri:
    """The URI of a file within a folder.

    Raises:
        PathIsFolderError: it is that of the folder.
    """
    if not parts.path:
        raise PathIsFolderError(
            f"{parts} is a folder.",
            hint="Use load_dir or list_dir, or add a file's path to the URI.",
        )
    return parts


def nobody_has(
    uri: Any, hint: str, *, channel: str | None = None, local_only: bool = False
) -> ContentNotFoundError:
    """The error for what was not found; it says where was looked.

    Args:
        uri: what was looked for.
        hint: what to do next.
        channel: the only one that was asked, if it was named.
        local_only: nobody was asked.
    """
    if local_only or current_place().node is None:
        where = "not in the store"
    elif channel is not None:
        where = f"neither in the store nor on channel {channel!r}"
    else:
        where = "neither in the store nor on any channel"
    return ContentNotFoundError(f"{uri} is {where}.", hint=hint)


def content_uri(uri: Any) -> ContentUri:
    """The parts of what must be a URI of content.

    Raises:
        InvalidUriError: it is not one.
    """
    parts = parse_content_uri(uri)
    if parts.is_folder and parts.path:
        raise InvalidUriError(
            f"{uri!r} names a file in a folder.", hint="Use list_dir for its own URI."
        )
    return parts


def _path_of(uri: Any) -> Path:
    if isinstance(uri, os.PathLike):
        return Path(uri)
    if not isinstance(uri, str) or not uri or "://" in uri or uri.lower().startswith("sha1"):
        # Raises what is wrong with it, unless it is a file that looks like a URI.
        if isinstance(uri, str) and uri and os.path.exists(uri):
            return Path(uri)
        parse_content_uri(uri)
        raise InvalidInputError(f"{uri!r} cannot be loaded.")
    path = Path(uri)
    if "\0" not in uri and not path.exists() and not path.is_symlink():
        raise PathNotFoundError(
            f"There is no file {uri!r}, and it is not a kachery URI either.",
            hint="A URI looks like sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt",
        )
    return path


def copy_whole(source: BinaryIO, dest: Path, size: int) -> None:
    """Copy to a path so that the file there is whole or as it was before.

    Raises:
        PathIsFolderError, PathNotFoundError, InvalidPathError: it cannot be written there.
    """
    from kachery_jupyter.client.destinations import writing_whole  # noqa: PLC0415 - rarely needed

    with writing_whole(dest) as descriptor, progress_bar(size, "Copying") as advance:
        while piece := source.read(1 << 20):
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
            if advance is not None:
                advance(len(piece))
