"""Looking for thousands of secrets in millions of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WORD = 8


class Secrets:
    """Byte strings that must not be seen, each with what it is.

    Args:
        named: what each is; 8 bytes at least.
    """

    def __init__(self, named: Mapping[bytes, str]) -> None:
        assert all(len(secret) >= _WORD for secret in named), "too short to be told from chance"
        self._named: dict[int, list[tuple[bytes, str]]] = {}
        for secret, name in named.items():
            self._named.setdefault(int.from_bytes(secret[:_WORD], "little"), []).append(
                (secret, name)
            )
        self._words = np.array(sorted(self._named), dtype="<u8")

    def seen_in(self, seen: Iterable[bytes]) -> Iterator[str]:
        """What each is that stands anywhere in the bytes."""
        for data in seen:
            for start in range(min(_WORD, len(data))):
                words = np.frombuffer(data, "<u8", (len(data) - start) // _WORD, start)
                places = np.minimum(np.searchsorted(self._words, words), len(self._words) - 1)
                for number in np.flatnonzero(self._words[places] == words):
                    place = start + _WORD * int(number)
                    for secret, name in self._named[int(words[number])]:
                        if data[place : place + len(secret)] == secret:
                            yield name


def spellings(name: str, secret: bytes) -> Iterator[tuple[bytes, str]]:
    """A binary secret as it is, and as text."""
    yield secret, name
    yield secret.hex().encode(), f"{name} in hex"
    yield secret.hex().upper().encode(), f"{name} in capital hex"
