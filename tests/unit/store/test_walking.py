"""Whatever is in a storage folder is found, and can be found by other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_core.capabilities import content_discovery
from kachery_store.store import Label
from kachery_store.walking import all_sha1, note_some

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Store


def test_objects_and_links_are_found_once_and_nothing_else(store: Store, tmp_path: Path) -> None:
    (tmp_path / "linked").write_bytes(b"linked")
    big = store.add_bytes(bytes(3 << 20), Label())
    link = store.link_file(tmp_path / "linked", Label())
    (store.folder.root / "sha1" / "note.txt").write_text("mine")
    assert sorted(all_sha1(store.folder.root / "sha1")) == sorted([big.sha1, link.sha1])


def test_content_that_the_catalog_does_not_know_becomes_findable(store: Store) -> None:
    content = store.add_bytes(b"from an old kachery", Label())
    store.catalog.forget(content.sha1)
    discovery = content_discovery(content.sha1)
    assert store.catalog.find_discoveries([discovery]) == {}

    walk = all_sha1(store.folder.root / "sha1")
    assert note_some(store.catalog, walk)
    assert not note_some(store.catalog, walk)

    assert store.catalog.find_discoveries([discovery]) == {discovery: content.sha1}
