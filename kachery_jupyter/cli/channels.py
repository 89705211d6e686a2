"""`kachery channel`: share with other workstations: create, invite, join; who may do what."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from kachery_jupyter.cli.console import complain, count_of, printable, shown_size, shown_time
from kachery_jupyter.client import belonging

if TYPE_CHECKING:
    from kachery_jupyter.client.belonging import Channel, Member

_NAME = click.argument("name")
_NODE = click.argument("node_id")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON value.")


@click.group()
def channel() -> None:
    r"""Share with other workstations: create, invite, join.

    \b
    kachery hub start                             somewhere; prints its URL
    kachery channel create NAME --hub URL         you own the channel
    kachery node id                               there
    kachery channel invite NAME NODE_ID           here; prints an invitation
    kachery channel join INVITATION               there
    """


@channel.command()
@_NAME
@click.option("--hub", required=True, metavar="URL", help="As `kachery hub start` prints it.")
@_JSON
def create(name: str, hub: str, *, as_json: bool) -> None:
    """Make a channel that this node owns."""
    _show_channel(belonging.create(name, hub), as_json=as_json)


@channel.command()
@_NAME
@_NODE
@click.option(
    "--roles",
    default=",".join(belonging.SHARING_ROLES),
    show_default=True,
    metavar="A,B",
    help="What the node may do.",
)
@click.option("--name", "label", default="", help="What you call the node.")
@click.option("--archive", is_flag=True, help="It may be told what passes, to keep it.")
@_JSON
def invite(
    name: str, node_id: str, *, roles: str, label: str, archive: bool, as_json: bool
) -> None:
    """Make a node a member of your channel NAME, and print its invitation.

    Only that node can use the invitation, so it may be sent by any way.
    """
    text = belonging.invite(name, node_id, roles, name=label, archive=archive)
    click.echo(json.dumps({"invitation": text}) if as_json else text)


@channel.command()
@click.argument("invitation")
@_JSON
def join(invitation: str, *, as_json: bool) -> None:
    """Accept an INVITATION; - reads it from standard input."""
    if invitation == "-":
        invitation = sys.stdin.read()
    _show_channel(belonging.join(invitation), as_json=as_json)


@channel.command()
@_NAME
@click.option("--abandon", is_flag=True, help="Also if it is yours: nobody can invite any more.")
@_JSON
def leave(name: str, *, abandon: bool, as_json: bool) -> None:
    """Leave a channel, and forget it with its keys. What was fetched stays."""
    belonging.leave(name, abandon=abandon)
    if as_json:
        click.echo(json.dumps({"left": name}))
    else:
        click.echo(f"left {printable(name)}", err=True)


@channel.command()
@_JSON
def ls(*, as_json: bool) -> None:
    """List the channels of this node."""
    found = belonging.ls()
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found]))
        return
    for one in found:
        _show_line(one)


@channel.command()
@_NAME
@_JSON
def members(name: str, *, as_json: bool) -> None:
    """List the members of a channel: its owner sees all, the others those who are there."""
    _show_members(belonging.members(name), as_json=as_json)


@channel.command()
@_NAME
@_NODE
@click.option("--roles", required=True, metavar="A,B", help="What it may do from now on.")
@click.option("--archive/--no-archive", default=None, help="Whether it may be told what passes.")
@_JSON
def grant(name: str, node_id: str, *, roles: str, archive: bool | None, as_json: bool) -> None:
    """Give a member of your channel exactly these roles."""
    _show_members(belonging.grant(name, node_id, roles, archive=archive), as_json=as_json)


@channel.command()
@_NAME
@_NODE
@_JSON
def revoke(name: str, node_id: str, *, as_json: bool) -> None:
    """Put a member out of your channel; within seconds nobody serves it any more."""
    _show_members(belonging.revoke(name, node_id), as_json=as_json)


@channel.command()
@_NAME
@click.option("--enable", default="", metavar="A,B", help="Use these again.")
@click.option("--disable", default="", metavar="A,B", help="Do not use these.")
@_JSON
def roles(name: str, *, enable: str, disable: str, as_json: bool) -> None:
    """Show or change which of the roles it is granted this node uses."""
    found = belonging.roles(name, enable, disable)
    if as_json:
        click.echo(json.dumps({"granted": found.granted, "enabled": found.enabled}))
        return
    for role in belonging.ROLES:
        if role in found.granted:
            click.echo(f"{role:15}  {'enabled' if role in found.enabled else 'disabled'}")
        else:
            click.echo(f"{role:15}  not granted")


@channel.command()
@_NAME
@click.option("--quota", metavar="SIZE", help="How much to keep: bytes, or like 10GB.")
@click.option("--store", metavar="URL", help="Object store for what leaves the disk: s3://…")
@click.option("--off", is_flag=True, help="Take nothing more; what is kept stays and is served.")
@_JSON
def archive(name: str, *, quota: str | None, store: str | None, off: bool, as_json: bool) -> None:
    """Keep what members of channel NAME load and follow, for when its providers are off.

    The channel's owner has to allow it: `kachery channel grant NAME NODE_ID --archive --roles …`.
    """
    found = belonging.archive(name, quota=quota, store=store, enabled=not off)
    _show_channel(found, as_json=as_json)


def _show_channel(found: Channel, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.as_dict()))
        return
    _show_line(found)


def _show_line(found: Channel) -> None:
    part = "owner" if found.is_owner else "member"
    there = count_of(found.present, "other node")
    click.echo(f"{printable(found.name):20}  {found.state:10}  {part:6}  {there}  {found.hub}")
    if found.archive is not None:
        click.echo(f"{'':20}  {_kept(found.archive)}")
    if found.problem:
        complain(f"{printable(found.name)}: {found.problem}")


def _kept(archive: dict[str, Any]) -> str:
    state = "archive" if archive["is_on"] else "archive, off"
    waiting = f", {archive['waiting']} waiting" if archive["waiting"] else ""
    things = (
        f"{count_of(archive['contents'], 'content')}, {count_of(archive['subfeeds'], 'subfeed')}"
    )
    of = f"{shown_size(archive['size'])} of {shown_size(archive['quota'])}"
    shelf = f", then {printable(archive['store'])}" if archive["store"] else ""
    return f"{state}: {things}, {of}{shelf}{waiting}"


def _show_members(found: list[Member], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found]))
        return
    for one in found:
        click.echo(f"{printable(one.name) or '-':20}  {one.node_id}  {_facts(one)}")
        if one.warning:
            complain(f"{one.node_id}: {one.warning}")


def _facts(one: Member) -> str:
    words: list[Any] = [
        "present" if one.is_present else "away   ",
        f"until {shown_time(one.expires_at)}",
        *(["owner"] if one.is_owner else []),
        *([f"archive{'' if one.keeps else ' (granted)'}"] if one.is_archive else []),
        *(["this node"] if one.is_self else []),
        ",".join(one.roles) or "no roles",
    ]
    return "  ".join(words)
