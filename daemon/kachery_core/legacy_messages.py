"""Messages as the kachery daemons of 2020-2022 signed them: read and verified, never written.

    {"body": {"message", "messageNumber", "previousSignature"?, "timestamp"}, "signature"}

signature = Ed25519 over the SHA-1 of the body as JSON with sorted keys, no spaces, and text as it
is. Neither feed nor subfeed is in the body, so these signatures say who wrote, not where.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from kachery_core.errors import BadSignatureError, BrokenChainError
from kachery_core.keys import is_signed_by

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_legacy_messages(feed: str, signed: Sequence[Any], first: int = 0) -> list[Any]:
    """The messages in a run of signed ones, if the feed's writer signed them in this order.

    Args:
        feed: the feed's public key.
        signed: signed messages, one after the other.
        first: index of the first of them.

    Raises:
        BrokenChainError: not of this form, or one is missing or out of order.
        BadSignatureError: somebody else signed one.
    """
    messages = []
    previous = None
    for index, one in enumerate(signed, first):
        try:
            body, signature = one["body"], bytes.fromhex(one["signature"])
            number, message = body["messageNumber"], body["message"]
        except (KeyError, TypeError, ValueError) as problem:
            raise BrokenChainError(f"Message {index} is not of kachery's form.") from problem
        is_chained = previous is None or body.get("previousSignature") == previous
        if number != index or not is_chained or (index == 0 and body.get("previousSignature")):
            raise BrokenChainError(f"Message {index} does not follow the one before it.")
        if not is_signed_by(feed, signature, _signed_bytes(body)):
            raise BadSignatureError(f"Message {index} is not signed by feed {feed}.")
        messages.append(message)
        previous = one["signature"]
    return messages


def _signed_bytes(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
