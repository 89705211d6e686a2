"""Loading many contents with one question to the other nodes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kachery_core.errors import InvalidInputError
from kachery_core.uris import is_content_uri, parse_content_uri
from kachery_jupyter.client import loading
from kachery_jupyter.client.locating import bring_all, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Uri = loading.Uri

KINDS_OF_SUFFIXES = {".npy": "npy", ".json": "json", ".txt": "text", ".pkl": "pkl"}
_LOADERS: dict[str, Callable[..., Any]] = {
    "bytes": loading.load_bytes,
    "file": loading.load_file,
    "json": loading.load_json,
    "npy": loading.load_npy,
    "pkl": loading.load_pkl,
    "text": loading.load_text,
}


def load_many(
    uris: Iterable[Uri],
    *,
    kind: str | None = None,
    channel: str | None = None,
    local_only: bool = False,
) -> list[Any]:
    """Load many values; what is not here is fetched all at once.

    Args:
        uris: of contents; or paths of files.
        kind: text, json, npy, pkl, bytes or file (its path), for all of them. By default what each
            name says (.txt, .json, .npy, .pkl), and bytes where it says nothing.
        channel: the only channel to ask for what is not here; by default all that may be asked.
        local_only: ask nobody.

    Returns:
        The values in the same order; None for each content that nobody has.

    Raises:
        As `load_text`, for any of them.
    """
    items = list(uris)
    if kind is not None and kind not in _LOADERS:
        raise InvalidInputError(
            f"The kind {kind!r} is unknown.", hint=f"Use one of: {', '.join(_LOADERS)}."
        )
    if not local_only:
        _bring(items, channel)
    return [_LOADERS[kind or _kind_of(uri)](uri, local_only=True) for uri in items]


def _bring(uris: list[Uri], channel: str | None) -> None:
    wanted = {}
    for uri in uris:
        if isinstance(uri, str) and is_content_uri(uri):
            content = content_of(parse_content_uri(uri), channel)
            if content is not None:
                wanted[content.sha1] = content
    bring_all(list(wanted.values()), channel)


def _kind_of(uri: Uri) -> str:
    name = str(uri)
    if isinstance(uri, str) and is_content_uri(uri):
        parts = parse_content_uri(uri)
        name = parts.path[-1] if parts.path else parts.name
    return KINDS_OF_SUFFIXES.get(PurePosixPath(name).suffix.lower(), "bytes")
