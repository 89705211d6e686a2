"""Folders as one content: the JSON listing kachery wrote for them, every name checked.

    {"files": {name: {"size": bytes, "sha1": hash}}, "dirs": {name: the same again}}

Above 20 MB a file has "manifest" as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.digests import is_sha1, json_bytes
from kachery_core.errors import ContentNotFoundError, InvalidPathError, MalformedContentError
from kachery_core.uris import ContentUri
from kachery_jupyter.client.formats import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 100
_LONGEST_NAME = 255


@dataclass(frozen=True)
class ListedFile:
    """One file of a listing."""

    sha1: str
    size: int
    manifest: str = ""


@dataclass
class Listing:
    """A folder: its files and folders by name."""

    files: dict[str, ListedFile] = field(default_factory=dict)
    folders: dict[str, Listing] = field(default_factory=dict)

    def walk(self, above: str = "") -> Iterator[tuple[str, ListedFile]]:
        """Every file below, with its path; names are parted by slashes."""
        for name, file in self.files.items():
            yield above + name, file
        for name, folder in self.folders.items():
            yield from folder.walk(f"{above}{name}/")

    def walk_folders(self, above: str = "") -> Iterator[str]:
        """The path of every folder below, parents first."""
        for name, folder in self.folders.items():
            yield above + name
            yield from folder.walk_folders(f"{above}{name}/")


def is_plain_name(name: str) -> bool:
    """Whether a name stays in its folder on every system."""
    if not name or name in (".", "..") or len(os.fsencode(name)) > _LONGEST_NAME:
        return False
    return not (set(name) & set("/\\\0")) and not (os.name == "nt" and set(name) & set('<>:"|?*'))


def check_name(name: str, folder: str) -> None:
    """Refuse names that cannot be listed.

    Raises:
        InvalidPathError: see above.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise InvalidPathError(
            f"The name {name!r} in {folder} is not text.", hint="Rename it."
        ) from problem
    if not is_plain_name(name):
        raise InvalidPathError(
            f"The name {name!r} in {folder} would not stay in its folder on every system.",
            hint="Rename it: no slashes of either kind.",
        )


def encode_listing(listing: Listing) -> bytes:
    """The bytes of a listing; equal folders have equal bytes."""
    return json_bytes(_as_json(listing), sort_keys=True)


def decode_listing(data: bytes) -> Listing:
    """Read a listing.

    Raises:
        MalformedContentError: not a listing, or with names that lead out of the folder.
    """
    return _from_json(decode_json(data), 0)


def find_file(listing: Listing, parts: ContentUri) -> ListedFile:
    """The file that a URI names within a folder.

    Raises:
        ContentNotFoundError: the folder has no such file.
    """
    *folders, name = parts.path
    for step, folder in enumerate(folders):
        if folder not in listing.folders:
            raise _not_in_folder(parts, "/".join(parts.path[: step + 1]))
        listing = listing.folders[folder]
    if name not in listing.files:
        raise _not_in_folder(parts, "/".join(parts.path))
    return listing.files[name]


def uri_of(path: str, file: ListedFile) -> str:
    """The URI of a listed file itself."""
    return str(ContentUri(file.sha1, path.rpartition("/")[2], file.manifest or None))


def _as_json(listing: Listing) -> dict[str, Any]:
    return {
        "files": {
            name: {
                "size": file.size,
                "sha1": file.sha1,
                **({"manifest": file.manifest} if file.manifest else {}),
            }
            for name, file in listing.files.items()
        },
        "dirs": {name: _as_json(folder) for name, folder in listing.folders.items()},
    }


def _from_json(value: Any, depth: int) -> Listing:
    if depth > _DEEPEST or not isinstance(value, dict):
        raise _malformed("its folders are not nested as they should be")
    files, folders = value.get("files", {}), value.get("dirs", {})
    if not isinstance(files, dict) or not isinstance(folders, dict):
        raise _malformed("it has no files and folders by name")
    for name in (*files, *folders):
        if not is_plain_name(name):
            raise _malformed(f"the name {name!r} leads out of the folder")
    if set(files) & set(folders):
        raise _malformed("a name is a file and a folder at once")
    return Listing(
        {name: _listed_file(file) for name, file in files.items()},
        {name: _from_json(folder, depth + 1) for name, folder in folders.items()},
    )


def _listed_file(value: Any) -> ListedFile:
    if isinstance(value, dict):
        sha1, size, manifest = value.get("sha1"), value.get("size"), value.get("manifest") or ""
        is_sized = isinstance(size, int) and size >= 0
        if is_sized and _is_hash(sha1) and (manifest == "" or _is_hash(manifest)):
            return ListedFile(str(sha1), int(size or 0), str(manifest))
    raise _malformed("a file in it has no size or hash")


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and is_sha1(value)


def _malformed(why: str) -> MalformedContentError:
    return MalformedContentError(
        f"This content is not the listing of a folder: {why}.", hint="Use load_json to look at it."
    )


def _not_in_folder(parts: ContentUri, path: str) -> ContentNotFoundError:
    return ContentNotFoundError(
        f"The folder {parts.sha1} has no {path!r}.",
        hint="Use list_dir to see what it has.",
        path=path,
    )
