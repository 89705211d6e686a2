"""What each verb of `%kc` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from kachery_core.errors import ContentNotFoundError, InvalidInputError
from kachery_jupyter.client import dependencies, explaining, holdings, storing
from kachery_jupyter.client.connection import current_node, current_place
from kachery_jupyter.client.locating import nobody_has
from kachery_jupyter.client.status import status_rows
from kachery_jupyter.client.storing import file_path
from kachery_jupyter.client.tables import Shown
from kachery_jupyter.magics.caching import CellRun
from kachery_jupyter.magics.channels import run_channel_verb
from kachery_jupyter.magics.display import Stored, Usage, in_one_line
from kachery_jupyter.magics.feeds import run_feed_verb
from kachery_jupyter.magics.kinds import load_value, store_value
from kachery_jupyter.magics.parser import USAGE, parse, split_message

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from kachery_jupyter.client.file_info import FileList

_LISTED = 50
# From the magic's frame through IPython's to the line's own, whose variables count.
_FRAMES_TO_CALLER = 3


@magics_class
class KacheryMagics(Magics):
    """The `%kc` magic of one shell."""

    @no_var_expand
    @line_cell_magic
    def kc(self, line: str, cell: str | None = None) -> Any:
        """Store, load and list what is shared by kachery; `%kc help` shows how."""
        __tracebackhide__ = True
        arguments = parse(self._expanded(line))
        if cell is not None:
            return self._take_cell(arguments, cell)
        verbs: dict[str, Callable[[Namespace], Any]] = {
            "store": self._store,
            "load": self._load,
            "ls": _ls,
            "info": _info,
            "explain": lambda found: explaining.explain(found.uri),
            "feed": lambda found: run_feed_verb(found, self._variables()),
            "channel": run_channel_verb,
            "browse": _browse,
            "freeze": _freeze,
            "cache": _cache_nothing,
            "status": _status,
            "help": _help,
        }
        with in_one_line():
            return verbs[arguments.verb](arguments)

    def _store(self, arguments: Namespace) -> Stored:
        variables = self._variables()
        for name in arguments.names:
            if name not in variables:
                raise UsageError(f"There is no variable {name!r} to store.")
        return Stored({name: store_value(variables[name], name) for name in arguments.names})

    def _load(self, arguments: Namespace) -> Any:
        name = arguments.name
        if name is not None and not name.isidentifier():
            raise UsageError(f"{name!r} cannot be the name of a variable.")
        value = load_value(arguments.uri, arguments.channel)
        if value is None:
            hint = f"`%kc explain {arguments.uri}` says where was looked."
            raise nobody_has(arguments.uri, hint, channel=arguments.channel)
        if name is None:
            return value
        self._variables()[name] = value
        return None

    def _take_cell(self, arguments: Namespace, cell: str) -> Any:
        __tracebackhide__ = True
        if arguments.verb == "cache":
            return self._cache(arguments, cell)
        if arguments.verb != "store" or len(arguments.names) != 1:
            raise UsageError(
                "%%kc stores the text of its cell, `%%kc store name.txt`, or keeps what it"
                " computes, `%%kc cache`."
            )
        name = arguments.names[0]
        with in_one_line():
            return Stored({name: storing.store_text(cell, name)})

    def _cache(self, arguments: Namespace, cell: str) -> None:
        if self.shell is None:
            raise UsageError("There is no shell to run the cell.")
        __tracebackhide__ = True  # an error of the cell is the cell's own
        with in_one_line():
            # Where nothing can be kept, that is said before an hour was spent.
            current_place()
            try:
                run = CellRun(self.shell, cell, arguments.names)
            except InvalidInputError as problem:
                raise UsageError(f"{problem.message} {problem.hint}".strip()) from problem
            told = None if arguments.again else run.recall()
        told = told or run.run()
        print(f"kc cache: {told}")  # noqa: T201 - what a cell prints stands below it

    def _expanded(self, line: str) -> str:
        """A line with `{x}` and `$x` replaced by values; not in a message, which is JSON."""
        if self.shell is None:
            return line
        start, message = split_message(line)
        expanded: str = self.shell.var_expand(  # type: ignore[no-untyped-call]
            start, depth=_FRAMES_TO_CALLER
        )
        return expanded + message

    def _variables(self) -> dict[str, Any]:
        if self.shell is None:
            raise UsageError("There is no shell whose variables could be used.")
        variables: dict[str, Any] = self.shell.user_ns
        return variables


def _cache_nothing(_: Namespace) -> None:
    raise UsageError("%%kc cache stands above the cell that it caches.")


def _browse(arguments: Namespace) -> Any:
    from kachery_jupyter.widgets.browser import browse  # noqa: PLC0415 - ipywidgets

    return browse(arguments.search)


def _freeze(arguments: Namespace) -> Any:
    found = dependencies.freeze()
    if arguments.file is not None:
        file_path(arguments.file).write_text(f"{found.to_json()}\n", "utf-8")
        print(f"kc freeze: wrote {arguments.file}")  # noqa: T201 - stands above the list
    return (
        Shown((), [(line,) for line in found.to_json().splitlines()]) if arguments.json else found
    )


def _ls(arguments: Namespace) -> FileList:
    return holdings.list_files(arguments.search, _LISTED)


def _info(arguments: Namespace) -> Shown:
    facts = holdings.info(arguments.uri)
    if facts is None:
        raise ContentNotFoundError(
            f"{arguments.uri} is not in the store.", hint="`%kc ls` lists what is."
        )
    return Shown((), facts.rows())


def _status(_: Namespace) -> Shown:
    facts = current_node().door.request("GET", "/status")
    return Shown((), status_rows(facts))


def _help(_: Namespace) -> Usage:
    return Usage(USAGE)
