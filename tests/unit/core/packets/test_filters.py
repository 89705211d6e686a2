"""How much a compressed chunk needs is known before it is unpacked."""

from __future__ import annotations

import h5py
import hdf5plugin
import numpy as np
import pytest

from kachery_core.errors import BadPacketError
from kachery_core.packets.image_looking import look_through
from tests.support.hostile_packets import swapped_chunk
from tests.support.packet_samples import LARGEST, SAMPLES, packet_of, read

BOMBS = {
    "gzip": {"compression": "gzip", "compression_opts": 9},
    "zstd": dict(hdf5plugin.Zstd()),
    "blosc": dict(hdf5plugin.Blosc()),
    "blosc2": dict(hdf5plugin.Blosc2()),
    "lz4": dict(hdf5plugin.LZ4()),
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    "bzip2": dict(hdf5plugin.BZip2()),
}


@pytest.mark.parametrize("encoding", BOMBS.values(), ids=list(BOMBS))
def test_a_chunk_that_would_unpack_to_more_than_it_declares_is_refused(encoding, tmp_path):
    packet = swapped_chunk(tmp_path, encoding, declared=1000, hidden=4_000_000)
    with pytest.raises(BadPacketError, match="chunk"):
        read(packet)


def test_a_zfp_header_that_declares_more_is_refused():
    packet = bytearray(packet_of(SAMPLES["everything"], dict(hdf5plugin.Zfp(reversible=True))))
    at = packet.index(b"zfp")
    packet[at + 4 : at + 12] = b"\xff" * 8
    with pytest.raises(BadPacketError):
        read(packet)


def test_a_filter_whose_memory_cannot_be_known_runs_for_who_is_trusted_only():
    encoding = dict(hdf5plugin.SZ3(absolute=0.1))
    if not h5py.h5z.filter_avail(encoding["compression"]):
        pytest.skip("this hdf5plugin has no SZ3")
    packet = packet_of(SAMPLES["everything"], encoding)
    with pytest.raises(BadPacketError, match="trust"):
        read(packet)
    found = look_through(packet, LARGEST, any_filter=True)
    (found,) = (planned.values for planned in found.members if planned.name == "strain")
    assert np.allclose(found, SAMPLES["everything"].values, atol=0.2)


def test_what_is_compressed_twice_is_refused(tmp_path):
    path = tmp_path / "twice.nc"
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((100,))
    made.set_deflate(9)
    made.set_deflate(9)
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = "CF-1.9"
        space = h5py.h5s.create_simple((100,))
        created = h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_DOUBLE, space, made)
        h5py.Dataset(created)[...] = 1.0
    with pytest.raises(BadPacketError, match="more than once"):
        read(path.read_bytes())
