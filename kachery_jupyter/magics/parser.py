"""The little language after `%kc`."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from IPython.core.error import UsageError
from typing_extensions import override

USAGE = """\
%kc store NAME [NAME ...]   store variables by type: arrays, text, bytes, JSON, plain data
%%kc store name.txt         store the text of the cell
%kc load URI [-> NAME]      load what a URI stands for, into a variable or to look at
%kc ls [SEARCH]             list what is stored, the newest first
%kc info URI                show what is known of a content
%kc status                  show the node: where it keeps things, how much, how much room
%kc help                    show this"""
VERBS = ("store", "load", "ls", "info", "status", "help")


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
    try:
        words = shlex.split(line)
    except ValueError as problem:
        raise UsageError(f"%kc: {problem}. Try `%kc help`.") from problem
    return _parser().parse_args(_without_arrow(words) or ["help"])


def _parser() -> _Parser:
    parser = _Parser(prog="%kc", add_help=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Parser)
    store = verbs.add_parser("store", add_help=False)
    store.add_argument("names", nargs="+")
    load = verbs.add_parser("load", add_help=False)
    load.add_argument("uri")
    load.add_argument("--as", dest="name")
    ls = verbs.add_parser("ls", add_help=False)
    ls.add_argument("search", nargs="?", default="")
    info = verbs.add_parser("info", add_help=False)
    info.add_argument("uri")
    for verb in ("status", "help"):
        verbs.add_parser(verb, add_help=False)
    return parser


def _without_arrow(words: list[str]) -> list[str]:
    """`-> name` and `->name` as the option they stand for, which argparse understands."""
    plain: list[str] = []
    for word in words:
        if word.startswith("->"):
            plain.extend(["--as", *([word[2:]] if word[2:] else [])])
        else:
            plain.append(word)
    return plain
