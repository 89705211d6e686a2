"""Looking at everything in a store: is each content what its name says, and in the catalog?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import (
    ContentDamagedError,
    ContentNotFoundError,
    LinkedFileChangedError,
    StorageFailedError,
)
from kachery_store.catalog import Entry
from kachery_store.objects import open_held
from kachery_store.walking import all_sha1

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_store.objects import Held
    from kachery_store.store import Store


@dataclass
class Report:
    """What a look at the whole store found.

    Attributes:
        checked: contents read and compared with their names.
        checked_bytes: their bytes.
        damaged: SHA-1 of those that are not what their name says; they were set aside.
        changed_links: SHA-1 of links whose file changed or is gone.
        unreadable: what the disk would not give, one sentence each.
        unlisted: contents the catalog did not know; entered if repairing.
        missing: catalog entries whose content is gone; forgotten if repairing.
    """

    checked: int = 0
    checked_bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    changed_links: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unlisted: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is lost."""
        return not (self.damaged or self.changed_links or self.unreadable or self.missing)


def check_store(
    store: Store, progress: Callable[[int], None] | None = None, *, repair: bool = True
) -> Report:
    """Read all of a store and compare it with its names; safe to interrupt at any time.

    Args:
        store: the store, in use or not.
        progress: called with the bytes read since the last call.
        repair: bring the catalog in line with what is there. Damaged content is set aside in any
            case: nobody may read it again.
    """
    report = Report()
    manifests = store.catalog.manifests()
    for sha1 in all_sha1(store.folder.root / "sha1"):
        _check_one(store, sha1, report, progress)
        is_listed = sha1 in manifests or store.catalog.find(sha1) is not None
        if not is_listed and sha1 not in report.damaged:
            report.unlisted += 1
            if repair:
                _enter(store, sha1)
    for sha1 in store.catalog.all_sha1():
        if not _is_there(store, sha1):
            if sha1 not in report.damaged:
                report.missing.append(sha1)
            if repair:
                store.catalog.forget(sha1)
    return report


def _check_one(
    store: Store, sha1: str, report: Report, progress: Callable[[int], None] | None
) -> None:
    try:
        held: Held = store.objects.get(sha1)
        with open_held(held) as descriptor:
            store.objects.verify(held, descriptor, progress)
    except ContentDamagedError:
        report.damaged.append(sha1)
    except LinkedFileChangedError:
        report.changed_links.append(sha1)
    except ContentNotFoundError:
        return
    except StorageFailedError as problem:
        report.unreadable.append(str(problem))
    else:
        report.checked += 1
        report.checked_bytes += held.size


def _is_there(store: Store, sha1: str) -> bool:
    return store.folder.object_path(sha1).exists() or store.folder.link_path(sha1).exists()


def _enter(store: Store, sha1: str) -> None:
    held = store.objects.find(sha1)
    if held is not None:
        kind = "link" if held.is_link else "file"
        store.catalog.add(Entry(sha1, name=held.path.name, kind=kind, size=held.size))
