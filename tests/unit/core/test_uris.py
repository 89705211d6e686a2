"""URIs: every spelling any kachery ever wrote is understood, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.errors import InvalidUriError
from kachery_core.uris import (
    ContentUri,
    KacheryUri,
    build_uri,
    is_content_uri,
    parse_content_uri,
    parse_uri,
)

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
OTHER = "b8168a5eeb57ccf366f07c5768bfb169f46cb6d4"
HASHES = st.text("0123456789abcdef", min_size=40, max_size=40)
# What can be written in UTF-8; a name is kept short enough for the longest URI.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PARTS = st.lists(NAMES.filter(bool), max_size=4).map(tuple)


@given(HASHES, NAMES, st.none() | HASHES)
def test_a_content_uri_comes_back_as_it_was(sha1: str, name: str, manifest: str | None) -> None:
    uri = ContentUri(sha1, name, manifest)

    assert parse_content_uri(str(uri)) == uri


@given(HASHES, NAMES, PARTS)
def test_a_folder_uri_comes_back_as_it_was(sha1: str, name: str, path: tuple[str, ...]) -> None:
    uri = ContentUri(sha1, name, is_folder=True, path=path)

    assert parse_content_uri(str(uri)) == uri


@given(HASHES, NAMES)
def test_splitting_and_building_are_each_others_reverse(sha1: str, name: str) -> None:
    uri = str(ContentUri(sha1, name, OTHER))

    assert build_uri(parse_uri(uri)) == uri


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for spelling in (text, f"sha1://{text}", f"sha1://{SHA1}{text}", f"kachery:{text}"):
        _check_understood_or_refused(spelling)


def _check_understood_or_refused(spelling: str) -> None:
    try:
        parsed = parse_content_uri(spelling)
    except InvalidUriError:
        return
    assert len(parsed.sha1) == 40
    assert parse_content_uri(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("uri", "name", "manifest"),
    [
        (f"sha1://{SHA1}", "", None),
        (f"sha1://{SHA1}/file.txt", "file.txt", None),
        (f"sha1://{SHA1}/a/b.txt", "a/b.txt", None),
        (f"sha1:////{SHA1}/file.txt", "file.txt", None),
        (f"sha1://{SHA1.upper()}/file.txt", "file.txt", None),
        (f"SHA1://{SHA1}/file.txt", "file.txt", None),
        (f"sha1://{SHA1}.label", "label", None),
        (f"sha1://{SHA1}.label/file.txt", "file.txt", None),
        (f"sha1://{SHA1}/file.npy?manifest={OTHER}", "file.npy", OTHER),
        (f"sha1://{SHA1}?manifest={OTHER}", "", OTHER),
        (f"sha1://{SHA1}?label=my%20file.txt", "my file.txt", None),
        (f"sha1://{SHA1}?spikeforest-recordings.json", "", None),
        (f"sha1://{SHA1}/my file.txt", "my file.txt", None),
        (f"sha1://{SHA1}/my%20file%3F.txt", "my file?.txt", None),
        (f"sha1://{SHA1}/file.txt#part", "file.txt", None),
        (f"kachery:default:sha1:{SHA1}", "", None),
        (f"kachery:default:sha1:{SHA1}:file.txt", "file.txt", None),
    ],
)
def test_every_generations_spelling_is_understood(
    uri: str, name: str, manifest: str | None
) -> None:
    assert is_content_uri(uri)
    assert parse_content_uri(uri) == ContentUri(SHA1, name, manifest)


@pytest.mark.parametrize(
    ("uri", "label", "path"),
    [
        (f"sha1dir://{SHA1}", "", ()),
        (f"sha1dir://{SHA1}.study", "study", ()),
        (f"sha1dir://{SHA1}.study/sub/file.txt", "study", ("sub", "file.txt")),
        (f"sha1dir://{SHA1}/sub%20one/file.txt", "", ("sub one", "file.txt")),
    ],
)
def test_folders_are_understood(uri: str, label: str, path: tuple[str, ...]) -> None:
    assert parse_content_uri(uri) == ContentUri(SHA1, label, is_folder=True, path=path)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "file.txt",
        "/etc/passwd",
        "sha1:",
        "sha1://",
        f"sha1:/{SHA1}",
        f"sha1://{SHA1[:-1]}/file.txt",
        f"sha1://{SHA1}0/file.txt",
        f"sha1://{SHA1[:-1]}g/file.txt",
        f"sha1://../../{SHA1}",
        f"sha1://..%2f..%2f{SHA1[:-8]}",
        f"sha1://%36{SHA1[1:]}",
        f"sha1://{SHA1}\x00/file.txt",
        f"sha1:// {SHA1}",
        f"md5://{SHA1}",
        f"sha1-enc://{SHA1}",
        f"feed://{SHA1}{SHA1[:24]}",
        f"https://example.org/{SHA1}",
        f"sha1://{SHA1}/file.txt?manifest=../../etc/passwd",
        f"sha1://{SHA1}/file.txt?manifest={OTHER[:-1]}",
        f"kachery:default:md5:{SHA1}",
        f"kachery:sha1:{SHA1}",
        "sha1://" + "\u0660" * 40,
        f"sha1://{SHA1}/" + "a" * 9000,
    ],
)
def test_what_is_no_content_uri_is_refused_with_a_hint(uri: str) -> None:
    with pytest.raises(InvalidUriError) as caught:
        parse_content_uri(uri)

    assert caught.value.hint


@pytest.mark.parametrize("value", [None, 3, b"sha1://", ["sha1://"], ("sha1", SHA1, "f")])
def test_what_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidUriError, match=type(value).__name__):
        parse_content_uri(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", ".", "a\\b", "c:x", "\x00"]
)
def test_a_name_that_looks_like_a_path_stays_one_name(name: str) -> None:
    uri = str(ContentUri(SHA1, name))

    assert uri.count("/") == 3
    assert parse_content_uri(uri).name == name


def test_a_wrong_length_is_said() -> None:
    with pytest.raises(InvalidUriError, match="39 characters"):
        parse_content_uri(f"sha1://{SHA1[:-1]}/file.txt")


def test_splitting_gives_what_kachery_client_gave() -> None:
    assert parse_uri(f"sha1://{SHA1}/file.txt") == KacheryUri("sha1", SHA1, "file.txt")
    assert parse_uri(f"sha1://{SHA1}/f.npy?manifest={OTHER}").filename == (
        f"f.npy?manifest={OTHER}"
    )


@pytest.mark.parametrize(("algorithm", "sha1"), [("md5", SHA1), ("sha1", "x"), ("", SHA1)])
def test_building_from_nonsense_is_refused(algorithm: str, sha1: str) -> None:
    with pytest.raises(InvalidUriError):
        build_uri(KacheryUri(algorithm, sha1, "file.txt"))


def test_a_long_text_is_not_repeated_in_the_error() -> None:
    with pytest.raises(InvalidUriError) as caught:
        parse_content_uri("x" * 8000)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["file.txt", "sha1", "/sha1://", "feed://x", ""])
def test_a_plain_path_does_not_claim_to_be_a_uri(text: str) -> None:
    assert not is_content_uri(text)
