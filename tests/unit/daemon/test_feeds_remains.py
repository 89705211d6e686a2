"""What a crash leaves is one group; remains of more are damage, whatever was forgotten."""

import random

import pytest

from kachery_core.errors import UntrustworthyError
from kachery_core.messages import Head, encode_batch
from kachery_daemon.feeds.log import SubfeedLog
from kachery_daemon.feeds.remains import are_several_groups
from tests.support.feed_samples import Chain

SECTOR = 512


def groups_of(chain):
    """The bytes of each group."""
    groups = [b""]
    for batch in chain.batches:
        groups[-1] += encode_batch(batch)
        if batch.signature:
            groups.append(b"")
    return groups[:-1]


def some_chain(chance, groups=6):
    chain = Chain()
    for _ in range(groups):
        for _ in range(chance.randrange(3)):
            chain.append([b'"%b"' % (b"x" * chance.randrange(400))], is_signed=False)
        chain.append([b"%d" % chance.randrange(1000)] * chance.randrange(1, 4))
    return chain


@pytest.mark.parametrize("number", range(200))
def test_damage_before_the_last_group_is_found_with_nothing_noted(tmp_path, number):
    """Any byte of any group but the last: the file is left as it is, and the feed refuses."""
    chance = random.Random(number)
    chain = some_chain(chance)
    groups = groups_of(chain)
    acknowledged = sum(map(len, groups[:-1]))
    damaged = bytearray(chain.run + bytes(5000))
    place = chance.randrange(acknowledged)
    damaged[place] ^= 1 << chance.randrange(8)
    path = tmp_path / "a.log"
    path.write_bytes(damaged)
    try:
        log = SubfeedLog(path, chain.key, Head())
    except UntrustworthyError:
        assert path.read_bytes() == damaged
    else:
        # Append ids and signatures on the way prove nothing: then nothing is lost either.
        assert log.head == chain.head
        log.close()


@pytest.mark.parametrize("number", range(200))
def test_a_group_of_which_only_some_sectors_reached_the_disk_is_one(number):
    chance = random.Random(number)
    chain = some_chain(chance, groups=1)
    [group] = groups_of(chain)
    offset = chance.randrange(SECTOR)
    torn = bytearray(group + bytes(5000))
    for start in range(-offset, len(group), SECTOR):
        if chance.random() < 0.5:
            torn[max(start, 0) : start + SECTOR] = bytes(start + SECTOR - max(start, 0))
    assert not are_several_groups(bytes(torn))


def test_a_copy_may_be_cut_where_it_is_damaged(tmp_path):
    chain = some_chain(random.Random(1))
    groups = groups_of(chain)
    damaged = bytearray(chain.run)
    damaged[len(groups[0]) + len(groups[1]) + 60] ^= 1
    path = tmp_path / "a.log"
    path.write_bytes(damaged)
    with pytest.raises(UntrustworthyError):
        SubfeedLog(path, chain.key, Head())
    log = SubfeedLog(path, chain.key, Head(), is_replaceable=True)
    assert 0 < log.head.length < chain.head.length
    log.close()


def test_nothing_and_noise_are_no_groups():
    assert not are_several_groups(b"")
    assert not are_several_groups(bytes(10_000))
    assert not are_several_groups(random.Random(1).randbytes(200_000))
