"""`%kc channel` in a real IPython shell beside a real node."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from kachery_core.errors import ChannelNotFoundError, InvalidInvitationError
from tests.support.channels import invite, node_id
from tests.support.hubs import running_hub
from tests.support.nodes import running_node

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodes")
    with running_node(folder / "a") as one, running_node(folder / "b") as two:
        yield one, two


@pytest.fixture
def shell(nodes, tmp_path, monkeypatch):
    """A shell beside the first node, with the extension loaded."""
    monkeypatch.setenv("KACHERY_STORAGE_DIR", str(nodes[0].storage))
    monkeypatch.setenv("KACHERY_DAEMON_PORT", str(nodes[0].port))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "kachery_jupyter")
    yield shell
    shell.history_manager.end_session()
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


def offers(shell, line):
    with provisionalcompleter():
        return {each.text for each in shell.Completer.completions(line, len(line))}


def test_a_channel_is_made_shown_and_joined_in_a_notebook(shell, nodes, hub):
    other = nodes[1]
    made = shell.run_line_magic("kc", f"channel create magic {hub.url}")
    assert (made.name, made.state, made.is_owner) == ("magic", "connected", True)
    assert "magic" in made._repr_html_()
    invited = shell.run_line_magic(
        "kc", f"channel invite magic {node_id(other)} --roles request-files"
    )
    assert "kachery-invitation-1." in repr(invited)
    assert "connected" in repr(shell.run_line_magic("kc", "channel ls"))
    assert node_id(other) in repr(shell.run_line_magic("kc", "channel members magic"))
    reply = other.ask("POST", "/api/v1/channels", {"name": "theirs", "hub": hub.url})
    assert reply.status == 200
    joined = shell.run_line_magic("kc", f"channel join {invite(other, nodes[0], channel='theirs')}")
    assert (joined.name, joined.is_owner) == ("theirs", False)
    assert {"magic"} == offers(shell, "%kc channel members ma")


def test_mistakes_are_said(shell):
    with pytest.raises(ChannelNotFoundError):
        shell.run_line_magic("kc", "channel members nowhere")
    with pytest.raises(InvalidInvitationError):
        shell.run_line_magic("kc", "channel join kachery-invitation-1.x")
    with pytest.raises(UsageError):
        shell.run_line_magic("kc", "channel fly")
    assert {"create", "invite", "join", "ls", "members"} == offers(shell, "%kc channel ")
