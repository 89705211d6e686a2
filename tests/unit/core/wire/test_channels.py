"""What may be asked about channels: wrong questions do not get through the door."""

import json

import msgspec
import pytest

from kachery_core.roles import Role
from kachery_core.wire import channels

NODE = "0a" * 32
GOOD = {
    channels.NewChannel: {"name": "lab", "hub": "tls://hub:1/x/y"},
    channels.Join: {"invitation": "kachery-invitation-1.x"},
    channels.Invite: {"node_id": NODE, "roles": ["request-files"]},
    channels.RolesGrant: {"node_id": NODE, "roles": []},
    channels.Revocation: {"node_id": NODE},
    channels.RolesChange: {},
}
WRONG = [
    (channels.NewChannel, {"name": "x" * 65}),
    (channels.NewChannel, {"name": None}),
    (channels.NewChannel, {"hub": "x" * 513}),
    (channels.Join, {"invitation": 3}),
    *((kind, {"node_id": value})
      for kind in (channels.Invite, channels.RolesGrant, channels.Revocation)
      for value in (NODE[:-1], NODE.upper(), f"{NODE}\n", "", None, "../" * 21 + "a")),
    *((kind, {"roles": value})
      for kind in (channels.Invite, channels.RolesGrant)
      for value in (["rule"], "request-files", None, [["request-files"]], ["request-files"] * 7)),
    (channels.Invite, {"name": "x" * 65}),
    (channels.Invite, {"is_owner": True}),
    (channels.RolesChange, {"enable": ["archive"]}),
    (channels.RolesChange, {"disable": None}),
]  # fmt: skip


def read(kind, value):
    return msgspec.json.decode(json.dumps(value), type=kind)


@pytest.mark.parametrize("kind", GOOD)
def test_a_question_is_understood(kind):
    assert read(kind, GOOD[kind])


@pytest.mark.parametrize(("kind", "change"), WRONG, ids=range(len(WRONG)))
def test_a_question_that_is_none_is_refused(kind, change):
    with pytest.raises(msgspec.ValidationError):
        read(kind, {**GOOD[kind], **change})


def test_roles_have_the_names_that_people_type():
    body = read(channels.Invite, {"node_id": NODE, "roles": [role.value for role in Role]})
    assert body.roles == list(Role)
    assert json.loads(msgspec.json.encode(body))["roles"] == [role.value for role in Role]
