"""The shell command `kachery`: what `kc` does, for people and shell scripts."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
from typing_extensions import override

from kachery_core.errors import KacheryError
from kachery_jupyter.cli.console import complain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_INTERRUPTED = 130
_BROKEN_PIPE = 141
# The \b keeps click from running the lines together.
_HELP = """Share files and arrays by what they contain.

\b
kachery store data.npy    prints the URI of the content
kachery load URI          prints the path of a verified copy
kachery daemon start      runs the node of this computer
kachery doctor            says what is wrong and what to do
"""


# Where each command is and what it does in a line; a command's module is imported when it is run,
# so that help and complaints come at once.
COMMANDS = {
    "store": ("files", "store", "Store files and folders; print the URI of each."),
    "load": ("files", "load", "Print the path of a verified copy, or write one with --dest."),
    "cat": ("files", "cat", "Write content to standard output, verified."),
    "link": ("files", "link", "Make a file loadable where it is, without a copy."),
    "info": ("files", "info", "Show what is known of a content."),
    "ls": ("files", "ls", "List what is stored, the newest first."),
    "rm": ("keeping", "remove", "Move content to the trash, where it stays for a week."),
    "restore": ("keeping", "restore", "Bring content back from the trash."),
    "pin": ("keeping", "pin", "Never let this content go when space is short."),
    "unpin": ("keeping", "unpin", "Let this content go again when space is short."),
    "gc": ("keeping", "collect_garbage", "Delete what may go; first only say what."),
    "fsck": ("keeping", "fsck", "Read everything and compare it with its name."),
    "feed": ("feeds", "feed", "Write and follow feeds: signed logs that anybody can verify."),
    "explain": ("explain", "explain", "Say where something is, or why it is not found."),
    "channel": ("channels", "channel", "Share with other workstations: create, invite, join."),
    "doctor": ("doctor", "doctor", "Say what is wrong here and what to do."),
    "daemon": ("daemon", "daemon", "Run the node that programs of this computer talk to."),
    "hub": ("hub", "hub", "Run a hub: where the nodes of channels meet."),
    "node": ("node", "node", "Show what identifies the node."),
}


class _Commands(click.Group):
    """The commands, each imported when it is needed."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"kachery_jupyter.cli.{module}"), name)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.group(cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kachery-jupyter")
def kachery() -> None:
    """Share files and arrays by what they contain."""


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    # Complaints say all of it; hints for programs would be in the way.
    logging.getLogger("kachery_jupyter").setLevel(logging.ERROR)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; whatever goes wrong becomes a sentence and an exit status.

    Returns:
        0 if it worked, 1 if not, 2 for a command that cannot be understood, 130 after Ctrl-C,
        141 if nobody reads the output any more.
    """
    _open_closed_streams()
    try:
        status = _invoke(list(arguments))
        sys.stdout.flush()
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        # Python would complain again when it closes the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KacheryError as problem:
        complain(problem.message, problem.hint)
        return 1
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        complain(f"{where}{problem.strerror or problem}.")
        return 1
    return status


def _open_closed_streams() -> None:
    """Put /dev/null where the caller closed a stream, before a file of ours gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _invoke(arguments: list[str]) -> int:
    if "_KACHERY_COMPLETE" in os.environ:
        kachery.main(arguments, prog_name="kachery")
    try:
        with kachery.make_context("kachery", arguments) as context:
            kachery.invoke(context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return 0
