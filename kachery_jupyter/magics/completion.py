"""The Tab key after `%kc`: verbs, variables, and the URIs of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from kachery_core.errors import KacheryError
from kachery_jupyter.client import holdings
from kachery_jupyter.client.subfeeds import Subfeed
from kachery_jupyter.magics.channels import complete_channel
from kachery_jupyter.magics.feeds import complete_feed
from kachery_jupyter.magics.parser import CHANNEL_VERBS, FEED_VERBS, VERBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

_MAGICS = ("%kc", "%%kc")
_TAKING_A_URI = ("load", "info", "explain")
_TAKING_A_CHANNEL = ("invite", "members")
_TAKING_A_SUBFEED = ("append", "tail")
_STARTS = ("sha1://", "sha1dir://")
_URIS_OFFERED = 200


def make_matcher(shell: InteractiveShell, identifier: str) -> Callable[[CompletionContext], Any]:
    """The matcher of a shell; URIs need one that sees the line, as `:` and `/` end words.

    Args:
        shell: whose variables are offered.
        identifier: the matcher's name, for whoever wants to disable it.
    """

    def complete(context: CompletionContext) -> dict[str, Any]:
        line = context.line_with_cursor[: context.cursor_position].lstrip()
        words = line.split(" ")
        if words[0] not in _MAGICS or len(words) == 1:
            return {"completions": []}
        return {
            "completions": [
                SimpleCompletion(text, type="magic") for text in _offers(words[1:], shell.user_ns)
            ],
            "matched_fragment": words[-1],
            "suppress": True,
        }

    matcher: Callable[[CompletionContext], Any] = context_matcher(identifier=identifier)(complete)
    return matcher


def _offers(words: list[str], variables: dict[str, Any]) -> Iterable[str]:
    fragment = words[-1]
    if len(words) == 1:
        return [verb for verb in VERBS if verb.startswith(fragment)]
    if words[0] == "store":
        return [name for name in _stored_by_people(variables) if name.startswith(fragment)]
    if words[0] == "feed":
        return _feed_offers(words[1:], variables)
    if words[0] == "channel":
        return _channel_offers(words[1:])
    if words[0] in _TAKING_A_URI and words[1:] == [fragment]:
        return _uris(fragment)
    return []


def _channel_offers(words: list[str]) -> Iterable[str]:
    fragment = words[-1]
    if words == [fragment]:
        return [verb for verb in CHANNEL_VERBS if verb.startswith(fragment)]
    if words[0] in _TAKING_A_CHANNEL and words[1:] == [fragment]:
        return complete_channel(fragment)
    return []


def _feed_offers(words: list[str], variables: dict[str, Any]) -> Iterable[str]:
    fragment = words[-1]
    if words == [fragment]:
        return [verb for verb in FEED_VERBS if verb.startswith(fragment)]
    if words[0] not in _TAKING_A_SUBFEED:
        return []
    if words[1:] == [fragment]:
        subfeeds = [name for name, value in variables.items() if isinstance(value, Subfeed)]
        return [*(name for name in subfeeds if name.startswith(fragment)), *complete_feed(fragment)]
    if words[0] == "append" and words[2:] == [fragment]:
        return [name for name in _stored_by_people(variables) if name.startswith(fragment)]
    return []


def _stored_by_people(variables: dict[str, Any]) -> list[str]:
    shells_own = {"In", "Out", "exit", "quit", "get_ipython", "open"}
    return sorted(
        name
        for name, value in variables.items()
        if not name.startswith("_") and name not in shells_own and not _is_code(value)
    )


def _is_code(value: Any) -> bool:
    return isinstance(value, type) or type(value).__name__ in ("module", "function")


def _uris(fragment: str) -> list[str]:
    """URIs that begin with a fragment, or whose name holds it."""
    is_uri = any(start.startswith(fragment) or fragment.startswith(start) for start in _STARTS)
    search = fragment.partition("://")[2].partition("/")[0].partition(".")[0]
    try:
        found = holdings.list_files(search if is_uri else fragment, _URIS_OFFERED)
    except KacheryError:
        # Nothing to offer without a node; running the line will say why.
        return []
    return [entry.uri for entry in found if not is_uri or entry.uri.startswith(fragment)]
