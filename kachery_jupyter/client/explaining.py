"""Why something loads or does not: where it was looked for, who answered, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from kachery_core.errors import KacheryError, NotFoundError, UnavailableError
from kachery_core.feeds import is_feed_uri, parse_feed_uri
from kachery_core.uris import ContentUri, parse_content_uri
from kachery_core.wire import explanations
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.explanation import Explanation
from kachery_jupyter.client.line import ask
from kachery_jupyter.client.listings import decode_listing, find_file
from kachery_jupyter.client.locating import held_content, locate_content
from kachery_jupyter.client.node import wrong_daemon

if TYPE_CHECKING:
    from kachery_jupyter.client.node import Door

# Asking every channel takes some seconds where nobody answers.
_PATIENCE_SECONDS = 60.0


def explain(uri: str) -> Explanation:
    """Say where something is, or why it is not found.

    Args:
        uri: of a content, a folder, a file in a folder, a feed or a subfeed.

    Returns:
        What was seen; a notebook shows it as a table, `print` as text. Nothing is fetched.

    Raises:
        InvalidUriError: not a URI.
    """
    asked = None if is_feed_uri(str(uri)) else parse_content_uri(uri)
    if asked is None:
        parse_feed_uri(uri)
    try:
        place = current_place()
        if place.node is None:
            return Explanation(_offline(uri, asked))
        return Explanation(_ask(place.node.door, uri, asked))
    except UnavailableError as problem:
        return Explanation(_explanation(uri, problem.message, problem.hint))
    except NotFoundError as problem:
        # The folder is here and has no such file; or the node is of an older version.
        return Explanation(_explanation(uri, problem.message, problem.hint))


def _ask(door: Door, uri: str, parts: ContentUri | None) -> explanations.Explanation:
    wanted = uri
    if parts is not None and parts.path:
        # Only programs read listings: the node knows contents.
        wanted = str(_file_of(parts) or ContentUri(parts.sha1, parts.name, is_folder=True))
    query = f"/explain?uri={quote(wanted, safe='')}"
    reply = ask(door, "GET", query, wait_seconds=_PATIENCE_SECONDS)
    try:
        found = msgspec.json.decode(reply.body, type=explanations.Explanation)
    except msgspec.MsgspecError as problem:
        raise wrong_daemon(door.port, f"its explanation is not understood ({problem})") from problem
    return msgspec.structs.replace(found, uri=uri)


def _file_of(parts: ContentUri) -> ContentUri | None:
    """The content of a file in a folder; None if the folder's listing is not here."""
    listing = held_content(parts.sha1)
    if listing is None:
        return None
    file = find_file(decode_listing(listing.read()), parts)
    return ContentUri(file.sha1, parts.path[-1], file.manifest or None)


def _offline(uri: str, parts: ContentUri | None) -> explanations.Explanation:
    """What can be said in offline mode."""
    if parts is None:
        return _explanation(
            uri, "In offline mode there are no feeds.", "Unset KACHERY_OFFLINE_STORAGE_DIR."
        )
    folder = current_place().store.folder.root
    try:
        is_here = _is_here(parts)
    except KacheryError as problem:
        return _explanation(uri, problem.message, problem.hint, f"in the folder {folder}")
    if is_here:
        return _explanation(uri, "It is here.", "", f"in the folder {folder}", is_here=True)
    return _explanation(
        uri,
        f"It is not in the folder {folder}, and in offline mode nobody else is asked.",
        "Unset KACHERY_OFFLINE_STORAGE_DIR and start a node: `kachery daemon start`.",
    )


def _is_here(parts: ContentUri) -> bool:
    if parts.is_folder and not parts.path:
        return current_place().store.objects.find(parts.sha1) is not None
    return locate_content(parts) is not None


def _explanation(
    uri: str, conclusion: str, advice: str, here: str = "", *, is_here: bool = False
) -> explanations.Explanation:
    return explanations.Explanation(uri, uri, is_here, here, [], conclusion, advice)
