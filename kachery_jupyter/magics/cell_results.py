"""The results of cells that were run, found again by what decides about them.

A result is content like any other; a small value under its key names it. Since others may set such
values in a shared store, results carry a code that only their user can make.
"""

from __future__ import annotations

import hmac
import os
import secrets
from typing import TYPE_CHECKING, Any

from platformdirs import user_state_path

from kachery_core.digests import json_bytes
from kachery_core.errors import InvalidInputError, KacheryError
from kachery_jupyter.client import loading, mutables, storing
from kachery_jupyter.client.dependencies import unnoted
from kachery_jupyter.client.plain_values import check_plain
from kachery_jupyter.magics.kinds import is_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOUN = "kachery-cell"
_SECRET_SIZE = 32
_LOADERS: dict[str, Callable[[str], Any]] = {
    "bytes": lambda uri: loading.load_bytes(uri, local_only=True),
    "json": lambda uri: loading.load_json(uri, local_only=True),
    "npy": lambda uri: loading.load_npy(uri, local_only=True),
    "pkl": lambda uri: loading.load_pkl(uri, local_only=True),
    "text": lambda uri: loading.load_text(uri, local_only=True),
    # Made by this user, as its code says: see above.
    "trusted": lambda uri: loading.load_pkl(uri, trusted=True, local_only=True),
}


def keep_result(key: str, result: dict[str, Any]) -> str:
    """Keep a result; its URI.

    Args:
        key: what it is found by.
        result: plain JSON values.
    """
    with unnoted():
        uri = storing.store_object({"result": result, "code": _code(key, result)}, "cell.json")
    mutables.set_value([_NOUN, key], uri)
    return uri


def find_result(key: str) -> dict[str, Any] | None:
    """The result under a key; None if there is none, or none of this user's."""
    try:
        uri = mutables.get_value([_NOUN, key])
        with unnoted():
            kept = None if uri is None else loading.load_object(uri, local_only=True)
    except KacheryError:
        # Removed or damaged since then: it is computed once more.
        return None
    if not isinstance(kept, dict) or not isinstance(kept.get("result"), dict):
        return None
    result: dict[str, Any] = kept["result"]
    is_ours = hmac.compare_digest(str(kept.get("code")), _code(key, result))
    return result if is_ours else None


def keep_value(value: Any, name: str) -> dict[str, str]:
    """Store the value of a variable so that the very same comes back.

    Returns:
        {"uri", "kind"}.

    Raises:
        InvalidInputError: it cannot be stored.
    """
    for kind, fits, store in _ways():
        if fits(value):
            try:
                uri = store(value, f"{name}.{_suffix(kind)}")
            except InvalidInputError:
                continue  # text with half characters, say: the next way takes it
            return {"uri": uri, "kind": kind}
    raise InvalidInputError(
        f"{name} cannot be stored: it is a {type(value).__qualname__}.",
        hint="Name what is to be kept: %%kc cache NAME",
    )


def load_value(kept: dict[str, str]) -> Any:
    """A value that was kept.

    Raises:
        ContentNotFoundError: it was removed.
        KacheryError: it cannot be loaded any more.
    """
    return _LOADERS[kept["kind"]](kept["uri"])


def is_kept(kept: dict[str, str]) -> bool:
    """Whether a value is still here."""
    return loading.exists(kept["uri"])


def _ways() -> tuple[tuple[str, Callable[[Any], bool], Callable[[Any, str], str]], ...]:
    return (
        ("text", lambda value: type(value) is str, storing.store_text),
        ("bytes", lambda value: type(value) is bytes, storing.store_bytes),
        ("npy", _is_plain_array, storing.store_npy),
        ("json", is_json, storing.store_json),
        ("pkl", _is_plain, storing.store_pkl),
        ("trusted", _is_no_code, lambda value, name: storing.store_pkl(value, name, trusted=True)),
    )


def _suffix(kind: str) -> str:
    return {"text": "txt", "bytes": "dat", "trusted": "pkl"}.get(kind, kind)


def _is_plain_array(value: Any) -> bool:
    kind = type(value)
    is_array = kind.__module__ == "numpy" and kind.__name__ == "ndarray"
    return is_array and not value.dtype.hasobject


def _is_plain(value: Any) -> bool:
    try:
        check_plain(value)
    except InvalidInputError:
        return False
    return True


def _is_no_code(value: Any) -> bool:
    """Whether a pickle has its content: of functions and classes it would have the name only."""
    return not callable(value) or not hasattr(value, "__qualname__")


def _code(key: str, result: dict[str, Any]) -> str:
    data = json_bytes([key, result], sort_keys=True)
    return hmac.digest(_secret(), data, "sha256").hex()


def _secret() -> bytes:
    """What only this user has."""
    path = user_state_path("kachery") / "cells.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return _new_secret(path)


def _new_secret(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_SECRET_SIZE))
    try:
        # Whoever is first decides, and nobody sees half of it.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_bytes()
