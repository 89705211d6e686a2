"""The Tab key after `%kc`: verbs, variables, and the URIs of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from kachery_core.errors import KacheryError
from kachery_jupyter.client import belonging, holdings
from kachery_jupyter.client.subfeeds import Subfeed
from kachery_jupyter.magics.channels import complete_channel
from kachery_jupyter.magics.feeds import complete_feed
from kachery_jupyter.magics.parser import (
    CELL_VERBS,
    CHANNEL_VERBS,
    FEED_VERBS,
    OPTIONS,
    VERBS,
)

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
                SimpleCompletion(text, type="magic")
                for text in _offers(words[1:], shell.user_ns, is_cell=words[0] == _MAGICS[1])
            ],
            "matched_fragment": words[-1],
            "suppress": True,
        }

    matcher: Callable[[CompletionContext], Any] = context_matcher(identifier=identifier)(complete)
    return matcher


def _offers(words: list[str], variables: dict[str, Any], *, is_cell: bool) -> Iterable[str]:
    fragment = words[-1]
    if len(words) == 1:
        verbs = CELL_VERBS if is_cell else VERBS
        return [verb for verb in verbs if verb.startswith(fragment)]
    if words[-2] == "--channel":
        return complete_channel(fragment)
    if words[-2] == "--roles":
        return _roles(fragment)
    if fragment.startswith("-"):
        options = OPTIONS.get(" ".join(words[:2]), OPTIONS.get(words[0], ()))
        return [option for option in options if option.startswith(fragment)]
    offers: dict[str, Callable[[], Iterable[str]]] = {
        "store": lambda: _named(variables, fragment),
        "cache": lambda: _named(variables, fragment),
        "feed": lambda: _feed_offers(words[1:], variables),
        "channel": lambda: _channel_offers(words[1:]),
        **{verb: lambda: _uri_offers(words, variables) for verb in _TAKING_A_URI},
    }
    return offers.get(words[0], list)()


def _uri_offers(words: list[str], variables: dict[str, Any]) -> Iterable[str]:
    """What is to be loaded, or the variable it is loaded into."""
    fragment = words[-1]
    if words[-2] in ("->", "--as"):
        return _named(variables, fragment)
    if words[1:] != [fragment]:
        return []
    feeds = complete_feed(fragment) if words[0] == "explain" and fragment else []
    return [*_uris(fragment), *feeds]


def _roles(fragment: str) -> list[str]:
    """Roles, of which several may stand between commas."""
    before, comma, last = fragment.rpartition(",")
    return [f"{before}{comma}{role}" for role in belonging.ROLES if role.startswith(last)]


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
        return _named(variables, fragment)
    return []


def _named(variables: dict[str, Any], fragment: str) -> list[str]:
    return [name for name in _stored_by_people(variables) if name.startswith(fragment)]


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
