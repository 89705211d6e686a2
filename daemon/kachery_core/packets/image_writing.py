"""Variables as the bytes of a netCDF-4 file, without a file.

HDF5 needs milliseconds to lay a packet out. Packets of one stream differ in their numbers only,
and HDF5 tells where these lie: what was laid out once is a template, and the next packet is a copy
of it with other numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from kachery_core.errors import NotStreamableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kachery_core.packets.variables import Variable, Variables

_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable.{:10d}"
_ALIGNED_FROM = 4096
_ALIGNMENT = 64
_KEPT = 16
# What h5py takes for one dataset, and xdas hands through to it.
_ENCODING_KEYS = {
    "chunks", "compression", "compression_opts", "shuffle", "fletcher32", "fillvalue",
    "scaleoffset",
}  # fmt: skip
# Two files in memory with one name would be one file to HDF5.
_numbers = count()


@dataclass(frozen=True)
class _Slot:
    """Where the numbers of one variable lie."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class _Template:
    size: int
    slots: list[_Slot]
    fixed: list[tuple[int, bytes]]


class ImageWriter:
    """Lays out packets of any form; for one stream, fast after the first.

    Args:
        encoding: how the values are kept, as h5py's `create_dataset` takes it: chunks,
            compression, compression_opts, ... ; hdf5plugin's filters unpacked into it.

    Raises:
        NotStreamableError: an encoding that does not exist, or is not there.
    """

    def __init__(self, encoding: dict[str, Any] | None = None) -> None:
        self._encoding = dict(encoding or {})
        self._templates: OrderedDict[object, _Template] = OrderedDict()
        _check_encoding(self._encoding)

    def write(self, variables: Variables, lead: int = 0) -> NDArray[np.uint8]:
        """The bytes of the file, after `lead` zero bytes that are the caller's.

        Raises:
            NotStreamableError: the encoding cannot take these values.
        """
        if self._encoding:
            image = np.frombuffer(_lay_out(variables, self._encoding)[0], np.uint8)
            packet = np.empty(lead + len(image), np.uint8)
            packet[:lead] = 0
            packet[lead:] = image
            return packet
        key = _form(variables)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = _template(variables)
            if len(self._templates) > _KEPT:
                self._templates.popitem(last=False)
        return _filled(template, variables, lead)


def _filled(template: _Template, variables: Variables, lead: int) -> NDArray[np.uint8]:
    packet = np.empty(lead + template.size, np.uint8)
    packet[:lead] = 0
    for start, piece in template.fixed:
        packet[lead + start : lead + start + len(piece)] = np.frombuffer(piece, np.uint8)
    for slot in template.slots:
        values = variables.members[slot.name].values
        # One pass, whatever the order of the values in memory.
        place = np.ndarray(values.shape, values.dtype, packet, lead + slot.start)
        place[...] = values
    return packet


def _template(variables: Variables) -> _Template:
    image, offsets = _lay_out(variables, {})
    slots = sorted(
        (
            _Slot(name, offset, offset + variables.members[name].values.nbytes)
            for name, offset in offsets.items()
        ),
        key=lambda slot: slot.start,
    )
    fixed, at = [], 0
    for slot in slots:
        fixed.append((at, image[at : slot.start]))
        at = slot.end
    fixed.append((at, image[at:]))
    return _Template(len(image), slots, fixed)


def _form(variables: Variables) -> object:
    """What two packets have in common if they differ in their numbers only."""
    members = tuple(
        (
            name,
            variable.dims,
            variable.values.shape,
            variable.values.dtype.str,
            variable.values.tobytes() if variable.values.dtype.kind == "U" else None,
            tuple((key, _frozen(value)) for key, value in variable.attrs.items()),
        )
        for name, variable in variables.members.items()
    )
    return tuple(variables.sizes.items()), members


def _frozen(value: Any) -> object:
    if isinstance(value, str):
        return value
    plain = np.asarray(value)
    return type(value), plain.dtype.str, plain.shape, plain.tobytes()


def _lay_out(variables: Variables, encoding: dict[str, Any]) -> tuple[bytes, dict[str, int]]:
    """The bytes of the file, and where each variable's numbers lie if they lie in one piece."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(block_size=1 << 16, backing_store=False)
    access.set_alignment(_ALIGNED_FROM, _ALIGNMENT)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_LATEST)
    name = f"written-packet-{next(_numbers)}"
    created = h5py.h5f.create(name.encode(), h5py.h5f.ACC_TRUNC, fapl=access)
    with h5py.File(created) as file:
        file.attrs["Conventions"] = variables.conventions
        last = next(reversed(variables.members))
        scales = _put_scales(file, variables)
        offsets: dict[str, int] = {}
        for member, variable in variables.members.items():
            dataset = file[member] if member in scales else None
            if dataset is None:
                chosen = encoding if member == last else {}
                dataset = _put(file, member, variable, chosen)
                for axis, dim in enumerate(variable.dims):
                    dataset.dims[axis].attach_scale(scales[dim])
            for key, value in variable.attrs.items():
                dataset.attrs[key] = value
            offset = dataset.id.get_offset()
            if offset is not None and variable.values.dtype.kind != "U" and variable.values.size:
                offsets[member] = offset
        file.flush()
        return created.get_file_image(), offsets


def _put_scales(file: h5py.File, variables: Variables) -> dict[str, h5py.Dataset]:
    scales: dict[str, h5py.Dataset] = {}
    for number, (dim, size) in enumerate(variables.sizes.items()):
        variable = variables.members.get(dim)
        if variable is None or variable.dims != (dim,):
            scale = file.create_dataset(dim, (size,), ">f4")
            scale.make_scale(_NO_VARIABLE.format(size))
        else:
            scale = _put(file, dim, variable, {})
            scale.make_scale(dim)
        scale.attrs["_Netcdf4Dimid"] = np.int32(number)
        scales[dim] = scale
    return scales


def _put(file: h5py.File, name: str, variable: Variable, encoding: dict[str, Any]) -> h5py.Dataset:
    values = variable.values
    if values.dtype.kind == "U":
        texts = values.astype(object) if values.ndim else values.item()
        return file.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    if encoding and values.ndim and values.size:
        return _put_encoded(file, name, np.ascontiguousarray(values), encoding)
    return file.create_dataset(name, data=values)


def _put_encoded(
    file: h5py.File, name: str, values: NDArray[Any], encoding: dict[str, Any]
) -> h5py.Dataset:
    chosen = dict(encoding)
    chunks = chosen.get("chunks")
    if isinstance(chunks, (tuple, list)) and len(chunks) == values.ndim:
        # The last packet of a file is often the shortest.
        chosen["chunks"] = tuple(map(min, chunks, values.shape))
    elif chunks is None and "compression" in chosen:
        # HDF5 would guess: small pieces, which compress badly and slowly.
        chosen["chunks"] = values.shape
    try:
        return file.create_dataset(name, data=values, **chosen)
    except (ValueError, TypeError, OSError, RuntimeError) as problem:
        raise NotStreamableError(
            f"The encoding cannot take values of dtype {values.dtype} and shape {values.shape}:"
            f" {problem}.",
            hint="Choose another filter of hdf5plugin, other chunks, or encoding=None.",
        ) from problem


def _check_encoding(encoding: dict[str, Any]) -> None:
    unknown = set(encoding) - _ENCODING_KEYS
    if unknown:
        raise NotStreamableError(
            f"An encoding has no {', '.join(sorted(map(str, unknown)))}.",
            hint=f"It has {', '.join(sorted(_ENCODING_KEYS))}, as h5py's create_dataset.",
        )
    number = encoding.get("compression")
    if isinstance(number, int) and number > 9 and not h5py.h5z.filter_avail(number):  # noqa: PLR2004
        raise NotStreamableError(
            f"HDF5 has no filter {number} here.",
            hint="Import hdf5plugin, whose filters then are there: pip install hdf5plugin",
        )
