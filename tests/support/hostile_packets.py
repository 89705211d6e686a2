"""Packets that want to read files, fill the memory, or make no sense."""

from __future__ import annotations

import h5py
import numpy as np

SECRET = b"the key of the safe is under the mat"


def made(folder, fill) -> bytes:
    """The bytes of a file, with the root attribute that xdas looks for."""
    path = folder / "hostile.nc"
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = "CF-1.9"
        fill(file)
    return path.read_bytes()


def signal(file, name="a", **options):
    """A variable with dimensions, as netCDF has them."""
    values = options.pop("data", np.arange(4.0))
    scale = file.require_dataset("x", (len(values),), ">f4")
    if not scale.is_scale:
        scale.make_scale(f"This is a netCDF dimension but not a netCDF variable.{len(values):10d}")
    dataset = file.create_dataset(name, data=values, **options)
    dataset.dims[0].attach_scale(scale)
    return dataset


def swapped_chunk(folder, encoding, *, declared: int, hidden: int) -> bytes:
    """A dataset whose one chunk unpacks to `hidden` bytes where it declares `declared`."""
    with h5py.File(folder / "large.nc", "w") as file:
        large = file.create_dataset("a", data=np.zeros(hidden, "u1"), chunks=(hidden,), **encoding)
        _, chunk = large.id.read_direct_chunk((0,))

    def fill(file):
        dataset = signal(file, data=np.zeros(declared, "u1"), chunks=(declared,), **encoding)
        dataset.id.write_direct_chunk((0,), chunk)

    return made(folder, fill)


def _external(folder) -> bytes:
    (folder / "secret.bin").write_bytes(SECRET)

    def fill(file):
        external = [(str(folder / "secret.bin"), 0, len(SECRET))]
        file.create_dataset("a", (len(SECRET),), "u1", external=external)

    return made(folder, fill)


def _virtual(folder) -> bytes:
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.arange(4.0)

    def fill(file):
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(folder / "other.h5", "secret", (4,))
        file.create_virtual_dataset("a", layout)

    return made(folder, fill)


def _link(link):
    def build(folder):
        (folder / "other.h5").unlink(missing_ok=True)
        with h5py.File(folder / "other.h5", "w") as other:
            other["secret"] = np.arange(4.0)

        def fill(file):
            signal(file, "b")
            file["a"] = link(folder)

        return made(folder, fill)

    return build


def _of(fill):
    return lambda folder: made(folder, fill)


def _many_names(file):
    for number in range(600):
        file.create_dataset(f"v{number}", data=number)


def _one_text_many_times(file):
    kind = h5py.string_dtype()
    dataset = signal(file, data=np.array(["x" * 100_000] * 50, dtype=object), dtype=kind)
    wide = file.create_dataset("y", (2_000_000,), kind)
    del wide
    return dataset


def _huge_shape(file):
    file.create_dataset("a", (10**12,), "f8", chunks=(1000,))


def _huge_chunk(file):
    made_ = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made_.set_chunk((1 << 31,))
    made_.set_deflate(1)
    space = h5py.h5s.create_simple((4,), (h5py.h5s.UNLIMITED,))
    h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_UINT8, space, made_)


def _long_dimension(file):
    scale = file.create_dataset("x", (10**12,), ">f4", chunks=(1000,))
    scale.make_scale("This is a netCDF dimension but not a netCDF variable. 1000000000000")
    other = file.create_dataset("y", (0,), ">f4")
    other.make_scale("This is a netCDF dimension but not a netCDF variable.         0")
    dataset = file.create_dataset("a", (10**12, 0), "f8")
    dataset.dims[0].attach_scale(scale)
    dataset.dims[1].attach_scale(other)


def _text(value):
    def fill(file):
        signal(file).attrs["coordinate_interpolation"] = value

    return fill


HOSTILE = {
    "external storage": _external,
    "virtual dataset": _virtual,
    "external link": _link(lambda folder: h5py.ExternalLink(folder / "other.h5", "secret")),
    "soft link": _link(lambda _: h5py.SoftLink("/b")),
    "group": _of(lambda file: (signal(file), file.create_group("g"))),
    "named type": _of(lambda file: (signal(file), file.__setitem__("t", np.dtype("f8")))),
    "compound values": _of(lambda file: signal(file, data=np.zeros(3, [("a", "f8")]))),
    "references": _of(
        lambda file: signal(file, data=np.array([file.ref] * 3, dtype=h5py.ref_dtype))
    ),
    "no dimensions": _of(lambda file: file.create_dataset("a", data=np.zeros(4))),
    "two arrays": _of(lambda file: (signal(file, "a"), signal(file, "b"))),
    "no array": _of(lambda _: None),
    "many names": _of(_many_names),
    "one text many times": _of(_one_text_many_times),
    "huge shape": _of(_huge_shape),
    "huge chunk": _of(_huge_chunk),
    "long dimension": _of(_long_dimension),
    "coordinate of nothing": _of(_text("x: no_indices no_values")),
    "coordinate of itself": _of(_text("x: a a")),
}
