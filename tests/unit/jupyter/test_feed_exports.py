"""A feed in one file: complete and proved, or refused."""

import json
import random

import msgspec
import pytest

from kachery_core.errors import (
    BadSignatureError,
    BrokenChainError,
    MalformedContentError,
    PathNotFoundError,
    UntrustworthyError,
)
from kachery_core.messages import Head, check_run, outline_batches
from kachery_jupyter.client.feed_exports import Export, ExportedSubfeed, _pieces, read_export
from tests.support.feed_samples import Chain, SeededKey
from tests.support.feed_verifier import verify_log


def exported(path, *chains, **changes):
    """A file as export_feed writes it; `changes` to its first subfeed's line."""
    described = [
        ExportedSubfeed(one.key.subfeed, one.name, one.head.length, len(one.run)) for one in chains
    ]
    if described:
        described[0] = msgspec.structs.replace(described[0], **changes)
    feed = chains[0].key.feed if chains else SeededKey().public_key
    head = msgspec.json.encode(Export(feed, described))
    path.write_bytes(head + b"\n" + b"".join(one.run for one in chains))
    return path


def chain_of(name, count, signer=None):
    made = Chain(signer or SeededKey(), name)
    for number in range(count):
        made.append([json.dumps([name, number]).encode()])
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.feed"


def test_every_subfeed_comes_back(path):
    chains = [chain_of("a", 3), chain_of("b/ü", 5), chain_of("empty", 0)]
    found = read_export(exported(path, *chains))
    assert found == {
        "a": [["a", n] for n in range(3)],
        "b/ü": [["b/ü", n] for n in range(5)],
        "empty": [],
    }
    for chain in chains:
        assert verify_log(path, chain.key.feed, chain.key.subfeed) == found[chain.name]


def test_a_feed_without_subfeeds_is_empty(path):
    assert read_export(exported(path)) == {}


def test_no_file_is_said_in_words(tmp_path):
    with pytest.raises(PathNotFoundError):
        read_export(tmp_path / "nothing")
    with pytest.raises(MalformedContentError):
        read_export(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"[]\n", b"\xff\n", b'{"feed":"x"}\n',
                                  b'{"feed":"' + b"0" * 64 + b'"}\n'])  # fmt: skip
def test_what_is_no_export_is_refused(path, data):
    path.write_bytes(data)
    with pytest.raises(MalformedContentError):
        read_export(path)


def test_an_export_cut_anywhere_is_refused(path):
    exported(path, chain_of("a", 3), chain_of("b", 2))
    whole = path.read_bytes()
    for cut in range(0, len(whole), 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(MalformedContentError):
            read_export(path)


def test_every_changed_byte_is_noticed_or_changes_no_message(path):
    """Names are the reader's: only their hashes are signed."""
    exported(path, chain_of("a", 3), chain_of("b", 2))
    whole = path.read_bytes()
    start = whole.index(b"\n")
    honest = read_export(path)
    refused = 0
    for place in range(start, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert read_export(path) == honest
        except (UntrustworthyError, MalformedContentError):
            refused += 1
    assert refused > (len(whole) - start) / 2


def test_a_length_that_lies_is_refused(path):
    for length in (0, 2, 4):
        exported(path, chain_of("a", 3), length=length)
        with pytest.raises(MalformedContentError):
            read_export(path)


def test_a_subfeed_left_out_at_its_end_is_noticed_and_so_is_a_wrong_size(path):
    chain = chain_of("a", 3)
    for size in (len(chain.run) - 1, 0, -1, len(chain.run) + 1):
        exported(path, chain, bytes=size)
        with pytest.raises((MalformedContentError, BrokenChainError)):
            read_export(path)


def test_a_subfeed_of_another_feed_is_refused(path):
    exported(path, chain_of("a", 1), chain_of("b", 1, SeededKey(2)))
    with pytest.raises((BadSignatureError, BrokenChainError)):
        read_export(path)


def test_a_subfeed_under_the_hash_of_another_is_refused(path):
    exported(path, chain_of("a", 1), name="b", subfeed=chain_of("b", 0).key.subfeed)
    with pytest.raises((BadSignatureError, BrokenChainError)):
        read_export(path)


def test_a_subfeed_is_not_shown_under_the_name_of_another(path):
    exported(path, chain_of("a", 1), name="b")
    with pytest.raises(MalformedContentError):
        read_export(path)


def test_a_run_is_compared_in_pieces_that_join(monkeypatch):
    monkeypatch.setattr("kachery_jupyter.client.feed_exports._COMPARED_BYTES", 700)
    rnd = random.Random(20261120)
    chain = Chain()
    for number in range(60):
        chain.append([b"%d" % number] * 3, is_signed=number == 59 or rnd.random() < 0.5)
    pieces = list(_pieces(chain.run))
    assert len(pieces) > 5
    assert b"".join(run for _, run in pieces) == chain.run
    assert pieces[0][0] == Head()
    heads = {outline.head for outline in outline_batches(chain.run)}
    for before, run in pieces:
        assert before in heads | {Head()}
        check_run(chain.key, before, run)
