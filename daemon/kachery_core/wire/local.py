"""The messages between a node and the programs on its computer.

The description of the API is made of them, and so are the checks at the door.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

API_VERSION = 1
API_PATH = "/api/v1"
TOKEN_HEADER = "Kachery-Token"  # noqa: S105 - the name of the header
ORIGIN_HEADER = "Kachery-Origin"
LARGEST_JSON = 16 << 20

Kind = Literal["text", "json", "npy", "pkl", "bytes", "file", "link", "folder"]
Name = Annotated[str, msgspec.Meta(max_length=1024)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program sends: a field we do not know is a mistake worth telling."""


class Answer(msgspec.Struct, frozen=True):
    """What the node sends: a newer node may send fields that an older program does not know."""


class Probe(Answer, frozen=True):
    """Who answers on this port; `feeds_socket` is the shorter way to messages, if there is one."""

    node_id: str
    version: str
    api: int
    storage_dir: str
    socket: str | None
    shared: bool
    pid: int
    feeds_socket: str | None = None


class Setting(Answer, frozen=True):
    """One setting of the node, and where its value came from."""

    name: str
    value: str | int | float | bool | None
    source: str
    unit: str
    help: str


class DirectFacts(Answer, frozen=True):
    """Whether other nodes get bytes from this one without their hub.

    Attributes:
        reachable: whether somebody answers where the others are told to come; null while nothing
            is known, because no channel needs it yet.
        port: TCP port, or null while it does not listen.
        addresses: what the others are told, host:port.
    """

    reachable: bool | None = None
    port: int | None = None
    addresses: list[str] = msgspec.field(default_factory=list)


class SharingState(Answer, frozen=True):
    """Whether this node is connected to its channels; off is: no hub, nothing served or asked."""

    enabled: bool


class SharingChange(Message, frozen=True):
    """Whether this node is to be connected to its channels; it is remembered."""

    enabled: bool


class Status(Answer, frozen=True):
    """How the node is.

    Attributes:
        contents: how many it holds.
        bytes: of all of them.
        free_bytes: left on the disk of the storage folder.
        shared: whether other users of this computer may use it.
        quota: bytes it may keep as an archive, of all channels; null if it is none.
        direct: whether others reach it without a hub.
        sharing: whether it is connected to its channels.
    """

    node_id: str
    version: str
    storage_dir: str
    contents: int
    bytes: int
    free_bytes: int
    uptime_seconds: float
    active_requests: int
    shared: bool
    settings: list[Setting]
    quota: int | None = None
    direct: DirectFacts = DirectFacts()
    sharing: SharingState = SharingState(enabled=True)


class FilesQuery(Message, frozen=True):
    """Which contents to list: whose name, kind or hash contains a text; of one kind, or ''."""

    search: Name = ""
    kind: Kind | Literal[""] = ""
    limit: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 100
    offset: Count = 0


class File(Answer, frozen=True):
    """One line of the list of contents; times are seconds since 1970."""

    sha1: str
    name: str
    kind: str
    size: int
    manifest: str
    uri: str
    stored_at: float
    used_at: float
    origin: dict[str, Any]
    fetched: bool
    pinned: bool
    trashed_at: float | None = None


class Files(Answer, frozen=True):
    """Contents, the newest first.

    Attributes:
        files: one page of what was asked for.
        total: how many the node holds in all.
        found: how many match what was asked for, on all pages.
    """

    files: list[File]
    total: int
    found: int = 0


class FileInfo(Answer, frozen=True):
    """What the node knows of one content.

    Attributes:
        sha1: of the content.
        size: bytes.
        held: whether its bytes are here; False in the trash.
        is_link: whether it is a linked file.
        path: of the linked file; for the owner only.
        entry: its line in the list, if it has one.
    """

    sha1: str
    size: int
    held: bool
    is_link: bool
    path: str | None
    entry: File | None


class StoreQuery(Message, frozen=True):
    """What a new content is called, and what it is."""

    name: Name = ""
    kind: Kind = "bytes"


class Stored(Answer, frozen=True):
    """A content that is now durable."""

    uri: str
    sha1: str
    size: int
    manifest: str


class PinChange(Message, frozen=True):
    """Whether a content is protected from being let go."""

    pinned: bool


class Done(Answer, frozen=True):
    """It is done."""

    sha1: str


class MutableKey(Message, frozen=True):
    """The JSON value under which another one is kept."""

    key: Any


class MutableValue(Answer, frozen=True):
    """The value, or null."""

    value: Any


class MutableChange(Message, frozen=True):
    """A value to keep; with update false only if there is none yet."""

    key: Any
    value: Any
    update: bool = True


class Changed(Answer, frozen=True):
    """Whether anything changed."""

    changed: bool


class Stopping(Answer, frozen=True):
    """The node with this process id is about to end."""

    pid: int


class ErrorFacts(Answer, frozen=True):
    """An error of the tree in kachery_core.errors."""

    code: str
    message: str
    hint: str
    fields: dict[str, Any]


class ErrorAnswer(Answer, frozen=True):
    """What comes with every status of 400 and above."""

    error: ErrorFacts
