"""The same functions, awaited: the caller's loop goes on meanwhile."""

import asyncio
import inspect

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_core.errors import InvalidUriError
from kachery_jupyter import client
from kachery_jupyter.client.connection import forget_place
from kachery_jupyter.client.names import AWAITED


@pytest.fixture(autouse=True)
def storage(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "storage"))
    yield
    forget_place()


def test_every_function_that_touches_the_store_is_awaitable() -> None:
    for name in AWAITED:
        assert inspect.iscoroutinefunction(getattr(client, name)), name
        assert getattr(client, name).__doc__ == getattr(kc, name).__doc__


def test_every_function_about_channels_is_awaitable() -> None:
    assert client.channels.__all__ == kc.channels.__all__
    for name in set(kc.channels.__all__) - {"Channel", "Member", "ROLES", "SHARING_ROLES"}:
        assert inspect.iscoroutinefunction(getattr(client.channels, name)), name
        assert getattr(client.channels, name).__doc__ == getattr(kc.channels, name).__doc__


def test_what_is_awaited_is_what_is_returned_without_waiting() -> None:
    async def story() -> None:
        array = np.arange(10)
        uri = await client.store_npy(array)
        assert uri == kc.store_npy(array)
        assert np.array_equal(await client.load_npy(uri), array)
        assert await client.set("k", 1)
        assert await client.get("k") == 1
        with await client.open(uri) as file:
            assert file.read(6) == b"\x93NUMPY"
        with pytest.raises(InvalidUriError):
            await client.load_text("sha1://x")

    asyncio.run(story())


def test_the_loop_goes_on_while_a_large_array_is_stored() -> None:
    async def story() -> int:
        storing = asyncio.ensure_future(client.store_npy(np.zeros(8_000_000)))
        turns = 0
        while not storing.done():
            await asyncio.sleep(0)
            turns += 1
        await storing
        return turns

    assert asyncio.run(story()) > 10


def test_many_at_once_from_many_threads() -> None:
    async def story() -> list[str | None]:
        uris = await asyncio.gather(*(client.store_text(str(n % 7)) for n in range(100)))
        return await asyncio.gather(*(client.load_text(uri) for uri in uris))

    assert asyncio.run(story()) == [str(n % 7) for n in range(100)]
