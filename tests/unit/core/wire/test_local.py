"""Messages between programs and the node."""

import msgspec
import pytest

from kachery_core.wire.local import FilesQuery, MutableChange, Probe, StoreQuery


def test_a_message_with_a_field_we_do_not_know_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.json.decode(b'{"key":1,"value":2,"colour":3}', type=MutableChange)


def test_an_answer_of_a_newer_node_is_understood() -> None:
    probe = Probe("id", "1", 1, "/storage", None, shared=False, pid=1)
    newer = {**msgspec.to_builtins(probe), "added_later": True}
    assert msgspec.convert(newer, Probe) == probe


@pytest.mark.parametrize("query", [{"limit": "-1"}, {"offset": "x"}, {"limit": "10001"}])
def test_a_list_has_an_end(query: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(query, FilesQuery, strict=False)


def test_a_content_is_of_a_known_kind() -> None:
    assert StoreQuery(kind="npy").kind == "npy"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "exe"}, StoreQuery)
