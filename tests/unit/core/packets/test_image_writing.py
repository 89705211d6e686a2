"""The bytes of a file, without a file."""

from __future__ import annotations

import io
from dataclasses import replace

import h5py
import hdf5plugin
import numpy as np
import pytest

from kachery_core.errors import NotStreamableError
from kachery_core.packets.grammar_writing import to_variables
from kachery_core.packets.image_writing import ImageWriter
from kachery_core.packets.labelled import LabelledArray
from tests.support.packet_samples import SAMPLES, assert_same, packet_of, read


@pytest.mark.parametrize("name", SAMPLES)
def test_other_programs_read_it_with_hdf5(name):
    with h5py.File(io.BytesIO(packet_of(SAMPLES[name]))) as file:
        found = file[SAMPLES[name].name or "__values__"]
        assert np.array_equal(found[()], SAMPLES[name].values)
        assert tuple(scale[0].name[1:] for scale in found.dims) == SAMPLES[name].dims


def test_the_second_packet_is_a_copy_of_the_first_with_other_numbers():
    writer = ImageWriter()
    first = SAMPLES["everything"]
    second = replace(first, values=first.values * 2)
    assert bytes(writer.write(to_variables(first))) == bytes(packet_of(first))
    assert bytes(writer.write(to_variables(second))) == bytes(packet_of(second))


def test_packets_of_other_forms_are_not_taken_for_each_other():
    writer = ImageWriter()
    first = SAMPLES["everything"]
    for changed in (
        replace(first, attrs={"units": "m"}),
        replace(first, name="other"),
        replace(first, values=first.values.astype("f4")),
        replace(first, attrs=first.attrs | {"count": 3.0}),
        *SAMPLES.values(),
    ):
        assert_same(read(writer.write(to_variables(changed))), changed)


def test_values_may_have_any_order_in_memory():
    values = np.arange(24).reshape(2, 3, 4)
    for view in (values.T, values[:, ::2], np.asfortranarray(values)):
        array = LabelledArray(view, ("a", "b", "c"))
        assert_same(read(packet_of(array)), array)


def test_the_caller_gets_room_before_the_packet():
    packet = ImageWriter().write(to_variables(SAMPLES["booleans"]), 512)
    assert not packet[:512].any()
    assert_same(read(packet[512:]), SAMPLES["booleans"])


ENCODINGS = {
    "gzip": {"compression": "gzip", "compression_opts": 3, "shuffle": True},
    "lzf": {"compression": "lzf"},
    "zfp": {"chunks": (10, 10), **hdf5plugin.Zfp(reversible=True)},
    "blosc": hdf5plugin.Blosc(),
    "blosc2": hdf5plugin.Blosc2(),
    "zstd": hdf5plugin.Zstd(clevel=3),
    "lz4": hdf5plugin.LZ4(),
    "bitshuffle": hdf5plugin.Bitshuffle(),
    "bitshuffle alone": hdf5plugin.Bitshuffle(cname="none"),
    "bzip2": hdf5plugin.BZip2(),
    "checked": {"chunks": (5, 5), "fletcher32": True},
}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=list(ENCODINGS))
def test_encodings_of_hdf5plugin_are_taken_as_they_are(encoding):
    sent = SAMPLES["everything"]
    for array in (sent, SAMPLES["no rows"], SAMPLES["one row"], SAMPLES["a single number"]):
        assert_same(read(packet_of(array, dict(encoding))), array)


def test_one_chunk_is_one_packet_unless_chunks_are_asked_for():
    smooth = LabelledArray(np.zeros((300, 300)), ("t", "x"))
    with h5py.File(io.BytesIO(packet_of(smooth, dict(hdf5plugin.Zstd())))) as file:
        assert file["__values__"].chunks == (300, 300)


def test_an_encoding_that_does_not_exist_is_refused_at_once():
    with pytest.raises(NotStreamableError, match="complevel"):
        ImageWriter({"complevel": 3})
    with pytest.raises(NotStreamableError, match="no filter 31999"):
        ImageWriter({"compression": 31999})


def test_an_encoding_that_cannot_take_the_values_says_so():
    writer = ImageWriter(dict(hdf5plugin.Zfp(accuracy=1e-3)))
    with pytest.raises(NotStreamableError, match="int16"):
        writer.write(to_variables(LabelledArray(np.zeros((4, 4), "i2"), ("a", "b"))))
