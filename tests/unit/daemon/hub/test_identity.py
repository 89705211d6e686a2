"""What makes a hub this hub is made once, kept private, and never silently made anew."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import KeyUnsafeError
from kachery_core.nkeys import encode_seed
from kachery_daemon.hub.identity import hub_certificate, hub_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAKERS = [(hub_keys, "keys.json"), (hub_certificate, "tls.pem")]


def test_it_stays_the_same(tmp_path: Path) -> None:
    assert hub_keys(tmp_path).operator.seed == hub_keys(tmp_path).operator.seed
    assert hub_certificate(tmp_path) == hub_certificate(tmp_path)


def test_every_hub_has_its_own(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    assert len({hub_keys(folder).guest.nkey for folder in folders}) == 2
    assert len({hub_certificate(folder).fingerprint for folder in folders}) == 2


def test_no_key_shows_itself_when_it_is_printed(tmp_path: Path) -> None:
    keys = hub_keys(tmp_path)
    assert keys.operator.nkey in repr(keys)
    for key in (keys.operator, keys.system, keys.lobby, keys.guest):
        assert key.seed not in repr(keys)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_it_is_born_private_and_refused_if_others_may_read_it(
    tmp_path: Path, make: Callable[[Path], object], name: str
) -> None:
    make(tmp_path)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    (tmp_path / name).chmod(0o640)
    with pytest.raises(KeyUnsafeError, match="read by others"):
        make(tmp_path)


@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"operator": 1}'])
def test_what_is_damaged_is_not_replaced(
    tmp_path: Path, make: Callable[[Path], object], name: str, content: bytes
) -> None:
    make(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(KeyUnsafeError, match="does not hold"):
        make(tmp_path)
    assert (tmp_path / name).read_bytes() == content


def test_keys_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    keys = hub_keys(tmp_path)
    path = tmp_path / "keys.json"
    wrong = encode_seed("user", bytes(32))
    path.write_text(path.read_text().replace(keys.operator.seed, wrong))
    with pytest.raises(KeyUnsafeError):
        hub_keys(tmp_path)
