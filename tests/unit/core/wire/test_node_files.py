"""Questions about files: only what can be answered within limits is a question."""

import msgspec
import pytest

from kachery_core.errors import BadEnvelopeError
from kachery_core.wire.node import pack, unpack, unpack_any
from kachery_core.wire.node_files import (
    LARGEST_INLINE,
    AskChunks,
    AskFile,
    AskTable,
    AskTicket,
    FileFacts,
    FileOffer,
    FileOffers,
    FindFiles,
    TablePart,
    Ticket,
)

ID = bytes(range(16))
PACKETS = [
    FindFiles([ID] * 1000, LARGEST_INLINE),
    FileFacts(2**40, bytes(32)),
    FileFacts(3, bytes(32), b"abc"),
    FileOffers("0" * 16, ["127.0.0.1:80", "[::1]:7"], [FileOffer(ID, b"note")] * 1000),
    Ticket(bytes(32), ["127.0.0.1:80"]),
    TablePart(0, 1, b"note"),
]
WRONG = {
    FindFiles: [[[], 0], [[ID] * 1001, 0], [[ID[:-1]], 0], [[ID], -1], [[ID], LARGEST_INLINE + 1],
                [[ID], True], [[ID]], [[ID], 0, 0], [ID, 0], [["0" * 16], 0]],
    FileFacts: [[-1, bytes(32)], [2**63, bytes(32)], [1, bytes(31)], [1.5, bytes(32)],
                [1, bytes(32), bytes(LARGEST_INLINE + 1)], [1, bytes(32), "text"]],
    FileOffers: [["0" * 15, [], []], ["0" * 16, [""], []], ["0" * 16, ["x" * 301], []],
                 ["0" * 16, ["x"] * 17, []], ["0" * 16, [], [[ID]]], ["0" * 16, [], [[ID, b"", 1]]],
                 ["0" * 16, [], [[ID, b""]] * 1001]],
    Ticket: [[bytes(31), [], 60], [bytes(32), [], 0], [bytes(32), [], 3601], ["0" * 32, [], 60]],
    TablePart: [[0, 0, b""], [0, 1025, b""], [-1, 1, b""], [0, 1, "text"]],
}  # fmt: skip


@pytest.mark.parametrize("packet", PACKETS, ids=range(len(PACKETS)))
def test_what_is_said_is_understood(packet):
    assert unpack(pack(packet), type(packet)) == packet


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_too_much_or_none_is_refused(kind):
    for value in WRONG[kind]:
        with pytest.raises(BadEnvelopeError):
            unpack(msgspec.msgpack.encode(value), kind)


@pytest.mark.parametrize("question", [AskTicket(ID), AskTable(ID), AskChunks(ID, 0, 8)], ids=repr)
def test_one_node_is_asked_for_one_of_three_things(question):
    assert unpack_any(pack(question), AskFile) == question


@pytest.mark.parametrize(
    "value",
    [["chunks", ID, 0, 0], ["chunks", ID, 0, 9], ["chunks", ID, -1, 1], ["chunks", ID, 2**63, 1],
     ["chunks", ID, 0], ["ticket", ID[:-1]], ["ticket", ID, 1], ["all", ID], ["ticket"], [], ID],
    ids=repr,
)  # fmt: skip
def test_nothing_else_is_a_question_to_a_node(value):
    with pytest.raises(BadEnvelopeError):
        unpack_any(msgspec.msgpack.encode(value), AskFile)
