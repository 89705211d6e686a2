"""The little language after `%kc`."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import NoReturn

from IPython.core.error import UsageError
from typing_extensions import override

USAGE = """\
%kc store NAME [NAME ...]   store variables by type: arrays, text, bytes, JSON, plain data
%%kc store name.txt         store the text of the cell
%%kc cache [NAME ...]       run the cell once for the same code and inputs, later take the variables
                            it set from the store; --again runs it anew
%kc load URI [-> NAME]      load what a URI stands for, into a variable or to look at, from here
                            or from the channels; --channel NAME asks that one only
%kc ls [SEARCH]             list what is stored, the newest first
%kc info URI                show what is known of a content
%kc explain URI             say where something is, or why it is not found
%kc feed create [NAME]      make a feed; a subfeed is its URI and a name: feed://.../main
%kc feed append URI VALUE   append a variable, or a message written as JSON
%kc feed tail URI [-n N]    show the last messages of a subfeed
%kc feed ls                 list the feeds, the newest first
%kc channel ls              list the channels of this node
%kc channel create NAME URL make a channel at a hub, by the URL that `kachery hub start` prints
%kc channel invite NAME ID  invite a node by its id; shows the invitation [--roles a,b]
%kc channel join INVITATION accept an invitation
%kc channel members NAME    show who belongs to a channel
%kc browse [SEARCH]         look through files, feeds and channels, and choose
%kc freeze [FILE]           list the URIs this notebook loaded and stored; with a name, write them
                            to a file as JSON; --json shows that
%kc status                  show the node: where it keeps things, how much, how much room
%kc help                    show this"""
VERBS = (
    *("store", "load", "ls", "info", "explain", "feed", "channel", "browse", "freeze"),
    *("status", "help"),
)
CELL_VERBS = ("store", "cache")
OPTIONS = {
    "load": ("--as", "--channel"),
    "cache": ("--again",),
    "freeze": ("--json",),
    "channel invite": ("--roles",),
    "feed tail": ("-n",),
}
CHANNEL_VERBS = ("ls", "create", "invite", "join", "members")
FEED_VERBS = ("create", "append", "tail", "ls")
_APPEND = re.compile(r"(\s*feed\s+append\s+\S+\s)(.*\S.*)", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    """Complains in one line instead of leaving the program."""

    @override
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}. Try `%kc help`.")


def parse(line: str) -> argparse.Namespace:
    """The verb and the arguments of a line.

    Raises:
        UsageError: it cannot be understood.
    """
    start, message = split_message(line)
    try:
        words = shlex.split(start)
    except ValueError as problem:
        raise UsageError(f"%kc: {problem}. Try `%kc help`.") from problem
    if message:
        arguments = _parser().parse_args([*words, "message"])
        arguments.message = message.strip()
        return arguments
    return _parser().parse_args(_without_arrow(words) or ["help"])


def split_message(line: str) -> tuple[str, str]:
    """A line, and the message at its end if it appends one: JSON, whose quotes are its own."""
    found = _APPEND.match(line)
    return (found[1], found[2]) if found else (line, "")


def _parser() -> _Parser:
    parser = _Parser(prog="%kc", add_help=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Parser)
    store = verbs.add_parser("store", add_help=False)
    store.add_argument("names", nargs="+")
    load = verbs.add_parser("load", add_help=False)
    load.add_argument("uri")
    load.add_argument("--as", dest="name")
    load.add_argument("--channel")
    ls = verbs.add_parser("ls", add_help=False)
    ls.add_argument("search", nargs="?", default="")
    browse = verbs.add_parser("browse", add_help=False)
    browse.add_argument("search", nargs="?", default="")
    cache = verbs.add_parser("cache", add_help=False)
    cache.add_argument("names", nargs="*")
    cache.add_argument("--again", action="store_true")
    freeze = verbs.add_parser("freeze", add_help=False)
    freeze.add_argument("file", nargs="?")
    freeze.add_argument("--json", action="store_true")
    for verb in ("info", "explain"):
        verbs.add_parser(verb, add_help=False).add_argument("uri")
    _add_feed_verbs(verbs.add_parser("feed", add_help=False))
    _add_channel_verbs(verbs.add_parser("channel", add_help=False))
    for verb in ("status", "help"):
        verbs.add_parser(verb, add_help=False)
    return parser


def _add_feed_verbs(feed: _Parser) -> None:
    verbs = feed.add_subparsers(dest="feed_verb", required=True, parser_class=_Parser)
    create = verbs.add_parser("create", add_help=False)
    create.add_argument("name", nargs="?")
    append = verbs.add_parser("append", add_help=False)
    append.add_argument("uri")
    append.add_argument("message")
    tail = verbs.add_parser("tail", add_help=False)
    tail.add_argument("uri")
    tail.add_argument("-n", dest="count", type=_count, default=10)
    verbs.add_parser("ls", add_help=False)


def _add_channel_verbs(channel: _Parser) -> None:
    verbs = channel.add_subparsers(dest="channel_verb", required=True, parser_class=_Parser)
    verbs.add_parser("ls", add_help=False)
    create = verbs.add_parser("create", add_help=False)
    create.add_argument("name")
    create.add_argument("url")
    invite = verbs.add_parser("invite", add_help=False)
    invite.add_argument("name")
    invite.add_argument("node_id")
    invite.add_argument("--roles")
    verbs.add_parser("join", add_help=False).add_argument("invitation")
    verbs.add_parser("members", add_help=False).add_argument("name")


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError(text)
    return count


def _without_arrow(words: list[str]) -> list[str]:
    """`-> name` and `->name` as the option they stand for, which argparse understands."""
    plain: list[str] = []
    for word in words:
        if word.startswith("->"):
            plain.extend(["--as", *([word[2:]] if word[2:] else [])])
        else:
            plain.append(word)
    return plain
