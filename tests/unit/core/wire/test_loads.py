"""Asking for content of other nodes: what is accepted at the door."""

import msgspec
import pytest

from kachery_core.wire.loads import LoadLine, LoadProgress, LoadRequest, RangeQuery

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"


def test_a_request_names_contents_and_perhaps_channels() -> None:
    text = f'{{"uris": [{{"sha1": "{SHA1}", "name": "a.txt"}}], "channels": ["lab"]}}'
    request = msgspec.json.decode(text, type=LoadRequest)
    assert (request.uris[0].sha1, request.uris[0].manifest) == (SHA1, "")
    assert (request.channels, request.timeout_seconds) == (["lab"], None)


@pytest.mark.parametrize(
    "text",
    [
        '{"uris": [{"sha1": "abc"}]}',
        f'{{"uris": [{{"sha1": "{SHA1}", "manifest": "x"}}]}}',
        f'{{"uris": [{{"sha1": "{SHA1}"}}], "timeout_seconds": 0}}',
        f'{{"uris": [{{"sha1": "{SHA1}", "path": "/etc"}}]}}',
        f'{{"uris": [{",".join([f"""{{"sha1": "{SHA1}"}}"""] * 1001)}]}}',
    ],
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=LoadRequest)


def test_a_line_says_one_thing() -> None:
    assert msgspec.json.encode(LoadLine(done=[True, False])) == b'{"done":[true,false]}'
    line = msgspec.json.decode(msgspec.json.encode(LoadLine(progress=LoadProgress(1, 2, 3.0, 1))))
    assert line == {"progress": {"done": 1, "total": 2, "rate": 3.0, "providers": 1, "path": ""}}


def test_a_range_comes_as_text() -> None:
    given = {"sha1": SHA1, "start": "0", "end": "12"}
    query = msgspec.convert(given, RangeQuery, strict=False)
    assert (query.start, query.end, query.channel) == (0, 12, None)
