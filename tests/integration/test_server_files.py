"""Files through the Jupyter server: stored, listed, looked at, opened and downloaded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from kachery_jupyter.server.download_handler import file_name, image_type

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_jupyter.server import KacheryExtension
    from tests.support.jupyter_servers import Visitor

pytest_plugins = ["pytest_jupyter.jupyter_server"]
pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="POSIX"),
    pytest.mark.usefixtures("started"),
]


def png() -> bytes:
    """A picture of one pixel."""

    def part(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff")
    magic = b"\x89PNG\r\n\x1a\n"
    return magic + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


async def upload(page: Visitor, data: bytes, name: str, kind: str = "file") -> dict[str, Any]:
    """Store bytes as a page does."""
    return await page.ask("POST", f"files?name={name}&kind={kind}", data)


async def test_a_file_of_the_file_browser_is_stored_and_remembers_where_it_was(
    page: Visitor, jp_root_dir: Path
) -> None:
    (jp_root_dir / "ä data").mkdir()
    (jp_root_dir / "ä data" / "a.json").write_text('{"a": 1}')
    stored = await page.ask("POST", "store", {"path": "ä data/a.json"})
    assert stored["sha1"] == hashlib.sha1(b'{"a": 1}').hexdigest()
    assert stored["uri"] == f"sha1://{stored['sha1']}/a.json"
    listed = await page.ask("GET", "files")
    assert (listed["total"], listed["found"]) == (1, 1)
    one = listed["files"][0]
    assert (one["name"], one["kind"], one["origin"]) == (
        "a.json",
        "json",
        {"file": "ä data/a.json"},
    )


async def test_nothing_outside_of_jupyters_folder_is_stored(
    page: Visitor, jp_root_dir: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (jp_root_dir / "link.txt").symlink_to(secret)
    (jp_root_dir / "out").symlink_to(tmp_path)
    (jp_root_dir / ".hidden.txt").write_text("hidden")
    (jp_root_dir / "folder").mkdir()
    os.mkfifo(jp_root_dir / "pipe")
    for path in (
        "../secret.txt",
        "folder/../../secret.txt",
        str(secret),
        "link.txt",
        "out/secret.txt",
        ".hidden.txt",
        "folder",
        "pipe",
        "nothing.txt",
        "",
        "a\0b",
        "x" * 5000,
        "C:\\secret.txt",
    ):
        status, error = await page.refused("POST", "store", {"path": path})
        assert 400 <= status < 500, path
        assert error["message"]
    assert (await page.ask("GET", "files"))["total"] == 0


async def test_files_of_another_kind_of_file_browser_are_stored_by_their_bytes(
    page: Visitor, jp_serverapp: Any
) -> None:
    class Elsewhere:
        allow_hidden = False

        async def get(self, path: str, **wanted: Any) -> dict[str, Any]:
            assert wanted == {"content": True, "type": "file", "format": "base64"}
            return {"format": "base64", "content": base64.b64encode(path.encode()).decode()}

    jp_serverapp.web_app.settings["contents_manager"] = Elsewhere()
    stored = await page.ask("POST", "store", {"path": "bucket/b.dat"})
    assert stored["sha1"] == hashlib.sha1(b"bucket/b.dat").hexdigest()


async def test_what_is_dropped_from_the_desktop_is_passed_on_as_it_comes(page: Visitor) -> None:
    data = os.urandom(1 << 20) * 7 + b"and a bit"
    stored = await upload(page, data, "dropped.dat", "bytes")
    assert stored["sha1"] == hashlib.sha1(data).hexdigest()
    status, error = await page.refused("POST", "files?name=a&kind=exe", data)
    assert (status, error["code"]) == (400, "invalid-request")
    # It went wrong before the first byte, and the connection is as good as new.
    assert (await upload(page, b"", "empty"))["size"] == 0


async def test_an_upload_that_is_broken_off_leaves_nothing(page: Visitor) -> None:
    host = page.url.split("/")[2]
    reader, writer = await asyncio.open_connection(*host.split(":"))
    token = "".join(f"{name}: {value}\r\n" for name, value in page.headers.items())
    path = page.url.partition(host)[2]
    head = f"POST {path}kachery/api/v1/files?name=half HTTP/1.1\r\nHost: {host}\r\n{token}"
    writer.write(f"{head}Content-Length: 5000000\r\n\r\n".encode() + bytes(1 << 20))
    await writer.drain()
    await until(page, lambda status: status["active_requests"] == 1)
    writer.close()
    await until(page, lambda status: status["active_requests"] == 0)
    assert (await page.ask("GET", "files"))["total"] == 0
    del reader


async def until(page: Visitor, condition: Any) -> None:
    """Wait for something that the status says."""
    for _ in range(200):
        if condition(await page.ask("GET", "status")):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("never happened")


async def test_a_content_is_pinned_removed_and_brought_back(page: Visitor) -> None:
    sha1 = (await upload(page, b"kept", "kept.txt", "text"))["sha1"]
    await page.ask("POST", f"files/{sha1}/pin", {"pinned": True})
    assert (await page.ask("GET", f"files/{sha1}/info"))["entry"]["pinned"]
    await page.ask("POST", f"files/{sha1}/pin", {"pinned": False})
    assert await page.ask("DELETE", f"files/{sha1}") == {"sha1": sha1}
    assert (await page.ask("GET", "files"))["found"] == 0
    assert await page.ask("POST", f"files/{sha1}/restore", {}) == {"sha1": sha1}
    assert (await page.ask("GET", "files?search=kept&kind=text"))["found"] == 1
    assert (await page.ask("GET", "files?kind=npy"))["found"] == 0


async def test_a_download_is_a_file_to_keep_whatever_is_in_it(page: Visitor) -> None:
    evil = b"<script>alert(1)</script>"
    sha1 = (await upload(page, evil, "x"))["sha1"]
    for query in ("?name=page.html", "?name=a.svg&inline=1", "?inline=1", ""):
        reply = await page.send("GET", f"downloads/{sha1}{query}")
        assert reply.body == evil
        assert reply.headers["Content-Type"] == "application/octet-stream"
        assert reply.headers["Content-Disposition"].startswith("attachment")
        assert reply.headers["Content-Security-Policy"].startswith("sandbox")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_picture_is_shown_by_its_own_bytes(page: Visitor) -> None:
    sha1 = (await upload(page, png(), "a.png"))["sha1"]
    reply = await page.send("GET", f"downloads/{sha1}?inline=1&name=a.html", Range="bytes=1-")
    assert reply.headers["Content-Type"] == "image/png"
    assert "Content-Disposition" not in reply.headers
    assert reply.body == png()


async def test_a_part_of_a_large_download_can_be_asked_for(page: Visitor) -> None:
    data = os.urandom(1 << 20) * 3
    sha1 = (await upload(page, data, "a.dat"))["sha1"]
    reply = await page.send("GET", f"downloads/{sha1}?name=a.dat", Range="bytes=1000000-2000000")
    assert reply.code == 206
    assert reply.body == data[1000000:2000001]
    assert reply.headers["Content-Range"] == f"bytes 1000000-2000000/{len(data)}"
    assert (await page.send("GET", f"downloads/{sha1}")).body == data


async def test_a_damaged_download_is_broken_off(page: Visitor, storage: Path) -> None:
    data = os.urandom(1 << 20) * 3
    sha1 = (await upload(page, data, "a.dat"))["sha1"]
    await asyncio.to_thread(_damage, storage, sha1)
    broken = await page.send("GET", f"downloads/{sha1}")
    assert broken.code == 599, "the page knows that it is not whole"


def _damage(storage: Path, sha1: str) -> None:
    path = next(one for one in storage.glob(f"sha1/**/{sha1}") if one.is_file())
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"damaged...")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("a b.txt", "a%20b.txt"),
        ("../../x.sh", "x.sh"),
        ("c:\\x.sh", "x.sh"),
        ("\r\nSet-Cookie: a=1", "Set-Cookie%3A%20a%3D1"),
        ("\u202egpj.exe", "gpj.exe"),
        ('"; filename=x', "%22%3B%20filename%3Dx"),
        ("...", "0" * 40),
        ("", "0" * 40),
    ],
)
def test_the_name_of_a_download_is_one_plain_name(wanted: str, name: str) -> None:
    assert file_name(wanted, "0" * 40) == name


def test_only_pictures_that_run_nothing_are_shown() -> None:
    assert image_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert image_type(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert image_type(b"GIF89a") == "image/gif"
    for start in (b"<svg xmlns=", b"%PDF-1.4", b"RIFF", b"", b"<html>", b"BM"):
        assert image_type(start) is None


async def test_a_preview_tells_what_a_content_looks_like(page: Visitor) -> None:
    sha1 = (await upload(page, b'{"a": [1, 2, 3]}', "a.json", "json"))["sha1"]
    shown = await page.ask("GET", f"previews/{sha1}?name=a.json&kind=json")
    assert shown["type"] == "json"
    assert shown["value"] == {"a": [1, 2, 3]}
    status, error = await page.refused("GET", f"previews/{'0' * 40}")
    assert (status, error["code"]) == (404, "content-not-found")


async def test_the_drive_lists_the_newest_and_opens_what_is_stored(page: Visitor) -> None:
    text = (await upload(page, "ä,b\n1,2\n".encode(), "a.csv"))["sha1"]
    binary = (await upload(page, b"\xff\xfe\0", "../b.dat"))["sha1"]
    root = await page.ask("GET", "contents")
    assert (root["type"], root["writable"]) == ("directory", False)
    assert {one["path"] for one in root["content"]} == {f"{text}/a.csv", f"{binary}/_b.dat"}
    opened = await page.ask("GET", f"contents/{text}/a.csv?type=file&content=1&format=text")
    assert (opened["format"], opened["content"]) == ("text", "ä,b\n1,2\n")
    assert (opened["mimetype"], opened["writable"]) == ("text/csv", False)
    described = await page.ask("GET", f"contents/{text}/a.csv?content=0")
    assert described["content"] is None
    opened = await page.ask("GET", f"contents/{binary}/_b.dat")
    assert base64.b64decode(opened["content"]) == b"\xff\xfe\0"
    assert (await page.ask("GET", f"contents/{text}"))["content"][0]["name"] == "a.csv"
    assert await page.ask("GET", f"contents/{text}/a.csv/checkpoints") == []
    status, _ = await page.refused("GET", f"contents/{binary}/b.dat?format=text")
    assert status == 400


async def test_a_stored_notebook_is_opened_and_not_trusted(page: Visitor) -> None:
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("display_data", {"text/html": "<script>alert(1)</script>"})
    cell = nbformat.v4.new_code_cell("1", metadata={"trusted": True}, outputs=[output])
    notebook.cells = [cell, nbformat.v4.new_markdown_cell("x", metadata={"trusted": True})]
    sha1 = (await upload(page, nbformat.writes(notebook).encode(), "n.ipynb"))["sha1"]
    opened = await page.ask("GET", f"contents/{sha1}/n.ipynb?type=notebook&content=1")
    assert (opened["type"], opened["format"]) == ("notebook", "json")
    assert opened["content"]["cells"][0]["metadata"]["trusted"] is False
    assert "trusted" not in opened["content"]["cells"][1]["metadata"]
    no_notebook = (await upload(page, b"{}", "m.ipynb"))["sha1"]
    status, error = await page.refused("GET", f"contents/{no_notebook}/m.ipynb?type=notebook")
    assert (status, error["code"]) == (409, "malformed-content")


async def test_what_is_too_large_for_a_viewer_is_said_so(
    page: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kachery_jupyter.server.drive_handlers._LARGEST", 10)
    sha1 = (await upload(page, b"x" * 11, "a.txt"))["sha1"]
    status, error = await page.refused("GET", f"contents/{sha1}/a.txt")
    assert (status, error["code"]) == (413, "too-large")
    assert "ownload" in error["hint"]
    assert (await page.ask("GET", f"contents/{sha1}/a.txt?content=0"))["size"] == 11


async def test_pages_of_ten_thousand_are_quick(page: Visitor, started: KacheryExtension) -> None:
    store = started._services.open_store()
    from kachery_store.catalog import Entry

    store.catalog.add(*(Entry(f"{n:040x}", f"file-{n}", "npy", n) for n in range(10_000)))
    before = asyncio.get_running_loop().time()
    listed = await page.ask("GET", "files?limit=100&offset=5000&search=file")
    seconds = asyncio.get_running_loop().time() - before
    print(f"100 of 10,000 in {seconds * 1000:.0f} ms")
    assert (len(listed["files"]), listed["found"], listed["total"]) == (100, 10_000, 10_000)
    assert len(json.dumps(listed)) < 100_000
