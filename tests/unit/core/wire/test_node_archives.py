"""Notes to archives: only for the archive, from whoever sent it, about the channel it came by."""

from __future__ import annotations

import msgspec
import pytest

from kachery_core.boxes import seal_box
from kachery_core.errors import BadEnvelopeError
from kachery_core.nkeys import account_nkey
from kachery_core.wire.node import pack, pack_padded
from kachery_core.wire.node_archives import (
    LARGEST_BOX,
    LONGEST_LABEL,
    MOST_PASSED,
    ArchiveNote,
    Passed,
    PassedContent,
    PassedSubfeed,
    open_note,
    seal_note,
)
from tests.support.channel_samples import (
    ALICE,
    ALICE_SEED,
    BOB,
    BOB_SEED,
    CHANNEL,
    CHANNEL_ID,
    OTHER_CHANNEL,
    OWNER,
    bit_flips,
)


def passed(count: int = 1, label: str = "name") -> Passed:
    return Passed(
        bytes.fromhex(CHANNEL.public_key),
        bytes.fromhex(BOB.public_key),
        [PassedContent(number.to_bytes(20, "big"), b"", label) for number in range(count)],
        [PassedSubfeed(bytes(32), number.to_bytes(20, "big")) for number in range(count)],
    )


@pytest.mark.parametrize("count", [0, 1, 7, MOST_PASSED])
def test_the_archive_reads_what_it_is_told(count):
    note = seal_note(ALICE.public_key, passed(count))
    found = open_note(note, ALICE_SEED, CHANNEL_ID, BOB.public_key)
    assert msgspec.structs.replace(found, padding=b"") == passed(count)


def test_the_largest_note_fits_and_lengths_say_little():
    note = seal_note(ALICE.public_key, passed(MOST_PASSED, "\U0001f52c" * LONGEST_LABEL))
    assert open_note(note, ALICE_SEED, CHANNEL_ID, BOB.public_key).contents[0].label
    assert len(note) < LARGEST_BOX
    lengths = {len(seal_note(ALICE.public_key, passed(1, "x" * size))) for size in range(80)}
    assert len(lengths) == 1


@pytest.mark.parametrize(
    ("seed", "channel_id", "teller"),
    [
        (BOB_SEED, CHANNEL_ID, BOB.public_key),
        (ALICE_SEED, account_nkey(OTHER_CHANNEL.public_key), BOB.public_key),
        (ALICE_SEED, CHANNEL_ID, OWNER.public_key),
    ],
)
def test_a_note_to_another_archive_or_by_another_or_elsewhere_is_dropped(seed, channel_id, teller):
    with pytest.raises(BadEnvelopeError):
        open_note(seal_note(ALICE.public_key, passed()), seed, channel_id, teller)


def test_what_is_no_note_is_dropped():
    note = seal_note(ALICE.public_key, passed())
    flipped = bit_flips(note, step=5)
    inside = pack_padded(passed())
    odd = [
        pack(ArchiveNote(seal_box(ALICE.public_key, each)))
        for each in (b"", inside[:-1], inside + b"x", inside.replace(b"\xc4\x14", b"\xc4\x13", 1))
    ]
    for body in [b"", b"\x91", *flipped, *odd, pack(passed())]:
        with pytest.raises(BadEnvelopeError):
            open_note(body, ALICE_SEED, CHANNEL_ID, BOB.public_key)


def test_too_many_in_one_note_are_refused():
    note = seal_note(ALICE.public_key, passed(MOST_PASSED + 1))
    with pytest.raises(BadEnvelopeError):
        open_note(note, ALICE_SEED, CHANNEL_ID, BOB.public_key)
