"""What may not be in a packet: whatever makes HDF5 open a file, or fill the memory.

A packet comes from whoever publishes at an address. HDF5 files can name other files (external
storage, virtual datasets, links) and HDF5 reads them for whoever reads the packet; they can also
declare more than there is memory. All of that is looked for before a single value is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from kachery_core.errors import BadPacketError
from kachery_core.packets.filters import check_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_MEMBERS = 512
_MOST_ATTRS = 256
_NUMBERS = "biufc"
# Real signals of zeros compress well; nothing real compresses better than this.
_LARGEST_RATIO = 1100
_ALWAYS_ACCEPTED = 64 << 20


class Screen:
    """What one packet may need.

    Args:
        packet: its bytes.
        largest: bytes that all its values may have.
        any_filter: whether filters are let run whose memory cannot be known before.
    """

    def __init__(self, packet: memoryview, largest: int, *, any_filter: bool = False) -> None:
        self._packet = packet
        self._left = min(largest, max(_ALWAYS_ACCEPTED, _LARGEST_RATIO * len(packet)))
        self._any_filter = any_filter

    def datasets(self, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
        """All datasets of a packet, each once it was looked at.

        Raises:
            BadPacketError: something in it is not what xdas writes.
        """
        links = file.id.links
        if len(file) > _MOST_MEMBERS:
            raise BadPacketError(f"The packet has {len(file)} parts: too many.")
        for raw in list(file.id):
            name = _text(raw)
            if links.get_info(raw).type != h5py.h5l.TYPE_HARD:
                raise BadPacketError(f"The packet has a link to something elsewhere: {name!r}.")
            found = file.get(name)
            if not isinstance(found, h5py.Dataset):
                raise BadPacketError(f"The packet has a part that is no variable: {name!r}.")
            self._check_storage(name, found)
            self.check_attrs(found)
            yield name, found

    def check_attrs(self, owner: h5py.Group | h5py.Dataset) -> None:
        """Count what the attributes may need.

        Raises:
            BadPacketError: too much.
        """
        if len(owner.attrs) > _MOST_ATTRS:
            raise BadPacketError("A part of the packet has too many attributes.")

    def spend(self, size: int, what: str) -> None:
        """Note that so many bytes will be needed.

        Raises:
            BadPacketError: more than a packet may need.
        """
        if size > self._left:
            raise BadPacketError(
                f"The packet of {len(self._packet):,} bytes would need {size:,} bytes for {what}.",
                hint="If its publisher means to send that, subscribe with a larger max_bytes.",
            )
        self._left -= size

    def _check_storage(self, name: str, dataset: h5py.Dataset) -> None:
        made = dataset.id.get_create_plist()
        if made.get_external_count():
            raise BadPacketError(f"The packet wants a file of this computer to be read: {name!r}.")
        layout = made.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            raise BadPacketError(f"The packet wants other files to be read: {name!r}.")
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        if dataset.dtype.kind not in _NUMBERS and not is_text:
            raise BadPacketError(f"The packet has values of a kind that is not sent: {name!r}.")
        is_empty_scale = is_dimension_only(dataset)
        if not is_empty_scale:
            count = int(np.prod(dataset.shape, dtype=object)) if dataset.shape is not None else 0
            self.spend(count * dataset.dtype.itemsize, repr(name))
        if layout == h5py.h5d.CHUNKED and not is_empty_scale:
            check_chunks(dataset, self._packet, self, any_filter=self._any_filter)


def is_dimension_only(dataset: h5py.Dataset) -> bool:
    """Whether a dataset stands for a dimension that has no values."""
    if "NAME" not in dataset.attrs or "CLASS" not in dataset.attrs:
        return False
    for key in ("NAME", "CLASS"):
        attribute = h5py.h5a.open(dataset.id, key.encode())
        if attribute.dtype.kind != "S" or attribute.shape not in ((), (1,)):
            return False
    return _text(dataset.attrs["NAME"]).startswith("This is a netCDF dimension but not a netCDF")


def _text(value: object) -> str:
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
