"""A thousand transfers between three nodes, and everything about them that nobody may see."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from kachery_core.capabilities import (
    content_discovery,
    content_key,
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.feeds import subfeed_hash
from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.messages import SubfeedKey
from kachery_core.uris import parse_content_uri
from tests.support.channels import ALL_ROLES, CHANNEL, invite
from tests.support.leaks import spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.channels import Community
    from tests.support.consoles import Console

FILES, MESSAGES, CHANGES = 300, 150, 100
TRANSFERS = 2 * FILES + 2 * MESSAGES + CHANGES
_MAKE = """
import os, tempfile
def make(number):
    name, size = "name-" + os.urandom(8).hex(), 8 * 10 ** (number % 6) if number % 6 < 5 else 5000
    if number % 100 == 99:
        size = 3_000_000
    secret = os.urandom(size).hex()
    kinds = [
        lambda: kc.store_text(secret, name + ".txt"),
        lambda: kc.store_json({secret[:40]: secret}, name + ".json"),
        lambda: kc.store_npy(np.frombuffer(os.urandom(size)), name + ".npy"),
        lambda: kc.store_pkl({"key": secret}, name + ".pkl"),
        lambda: kc.store_bytes(os.urandom(size), name + ".dat"),
        lambda: folder(name, secret),
    ]
    uri = kinds[number // 6 % 6]()
    contents = [uri] + (list(kc.list_dir(uri).values()) if uri.startswith("sha1dir") else [])
    pieces = set()
    for each in contents:
        data = kc.load_bytes(each) if not each.startswith("sha1dir") else b""
        pieces |= {data[at : at + 16].hex() for at in range(0, len(data) - 16, 4096)}
    return {"uri": uri, "name": name, "contents": contents, "pieces": sorted(pieces)}
def folder(name, secret):
    with tempfile.TemporaryDirectory() as place:
        os.mkdir(place + "/" + name + "-inner")
        open(place + "/" + name + "-inner/a.dat", "w").write(secret)
        open(place + "/b.txt", "w").write(secret[::-1])
        return kc.store_dir(place, name)
"""
_LOAD = """
import tempfile
def load(uri):
    if uri.startswith("sha1dir"):
        with tempfile.TemporaryDirectory() as place:
            kc.load_dir(uri, place + "/there")
            return True
    return kc.load_bytes(uri) is not None
"""


class Passages:
    """What passes between the first node and two others.

    Attributes:
        secret: what must not be seen, and what it is.
    """

    def __init__(self, lab: Community, opened: list[Console]) -> None:
        self._lab = lab
        self._source, *self._readers = opened
        self.secret: dict[bytes, str] = {}

    def all(self) -> None:
        """Everything that passes."""
        self.load_files()
        self.follow_feeds()
        self.change_members()

    def load_files(self) -> None:
        """Content of every kind and of many sizes."""
        self._source.run(_MAKE)
        made = self._source.run(f"[make(number) for number in range({FILES})]")
        for reader in self._readers:
            reader.run(_LOAD)
            came = reader.run(f"[load(uri) for uri in {[one['uri'] for one in made]}]")
            assert came == [True] * FILES
        for one in made:
            self.secret[one["name"].encode()] = "a name"
            self.secret |= {bytes.fromhex(piece): "content" for piece in one["pieces"]}
            for uri in one["contents"]:
                self.secret.update(_content(uri))

    def follow_feeds(self) -> None:
        """Messages that are read while they are written."""
        self._source.run("feed = kc.create_feed()")
        name = f"subfeed-{secrets.token_hex(8)}"
        self._source.run(f"written = feed.load_subfeed({name!r})")
        self._source.run("written.append_message('first')")
        uri = self._source.run("written.uri")
        for reader in self._readers:
            reader.run(f"read = kc.load_subfeed({uri!r})")
            assert reader.run("read.get_next_messages(5000)") == ["first"]
        for _ in range(MESSAGES):
            said = secrets.token_hex(12)
            self.secret[said.encode()] = "a message"
            self._source.run(f"written.append_message({said!r})")
            for reader in self._readers:
                assert reader.run("read.get_next_messages(5000)") == [said]
        self.secret[name.encode()] = "the name of a subfeed"
        self.secret.update(_feed(self._source.run("feed.feed_id"), uri, name))

    def change_members(self) -> None:
        """Invitations and grants, of members that are never there."""
        owner = self._lab.owner
        for number in range(CHANGES // 2):
            member = SeedSigner(secrets.token_bytes(SEED_SIZE)).public_key
            invite(owner, member, ALL_ROLES[: number % 6])
            body = {"node_id": member, "roles": ALL_ROLES[number % 6 :]}
            assert owner.ask("POST", f"/api/v1/channels/{CHANNEL}/grant", body).status == 200


def _content(uri: str) -> Iterator[tuple[bytes, str]]:
    parts = parse_content_uri(uri)
    yield uri.encode(), "a URI"
    for sha1 in filter(None, (parts.sha1, parts.manifest)):
        yield from spellings("a SHA-1", bytes.fromhex(sha1))
        yield from spellings("a discovery key", content_discovery(sha1))
        yield from spellings("a content key", content_key(sha1))


def _feed(feed: str, uri: str, name: str) -> Iterator[tuple[bytes, str]]:
    key = SubfeedKey(feed, subfeed_hash(name))
    yield uri.encode(), "a URI of a feed"
    yield from spellings("a feed id", bytes.fromhex(feed))
    yield from spellings("a discovery key of a feed", feed_discovery(feed))
    yield from spellings("a key of a feed", feed_key(feed))
    yield from spellings("a subfeed's hash", bytes.fromhex(key.subfeed))
    yield from spellings("a discovery key of a subfeed", subfeed_discovery(key))
    yield from spellings("a key of a subfeed", subfeed_key_of(key))
