"""The list of commands."""

import click
import pytest

from kachery_jupyter.cli import COMMANDS, kachery, run


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_itself_says(name):
    command = kachery.get_command(click.Context(kachery), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert command.help.splitlines()[0] == COMMANDS[name][2]


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_an_unknown_command_has_status_2(capsys):
    assert run(["stroe"]) == 2
    assert "stroe" in capsys.readouterr().err
