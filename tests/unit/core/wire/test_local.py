"""Messages between programs and the node."""

import msgspec
import pytest

from kachery_core.wire.local import FilesQuery, MutableChange, Probe, Status, StoreQuery


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


def test_a_list_is_of_one_kind_or_of_all() -> None:
    assert msgspec.convert({"kind": "npy"}, FilesQuery, strict=False).kind == "npy"
    assert FilesQuery().kind == ""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "%"}, FilesQuery, strict=False)


def test_the_status_of_an_older_node_is_understood() -> None:
    older = b'{"node_id":"","version":"","storage_dir":"","contents":0,"bytes":0,"free_bytes":0,'
    older += b'"uptime_seconds":0,"active_requests":0,"shared":false,"settings":[]}'
    status = msgspec.json.decode(older, type=Status)
    assert status.sharing.enabled
    assert status.direct.reachable is None


def test_a_content_is_of_a_known_kind() -> None:
    assert StoreQuery(kind="npy").kind == "npy"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "exe"}, StoreQuery)
