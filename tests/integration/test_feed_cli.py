"""`kachery feed`, as people and shell scripts use it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.support.feed_verifier import verify_log
from tests.support.nodes import running_node, wait_until
from tests.support.shells import KACHERY, Shell

pytestmark = pytest.mark.timeout(120)

PRIMES = "80d9cc061689dbc521aba6b35235f29de63d8349"
NOWHERE = f"feed://{64 * '0'}/main"


@dataclass
class FeedShell(Shell):
    """A shell that says `kachery feed …`, and runs programs."""

    command: tuple[str, ...] = (*KACHERY, "feed")

    def python(self, program):
        """Run a program with `kc` and `np`; what it printed."""
        text = f"import kachery_jupyter as kc, numpy as np\n{program}"
        command = [sys.executable, "-c", text]
        answer = subprocess.run(command, env=self.environment, capture_output=True, check=True)
        return answer.stdout.decode().strip()


def shell_beside(node, folder):
    return FeedShell(folder, node.environment | {"KACHERY_DAEMON_PORT": str(node.port)})


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One node for the tests that do not stop it; each makes feeds of its own."""
    with running_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def shell(node, tmp_path):
    return shell_beside(node, tmp_path)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


class TestFeeds:
    def test_a_feed_is_made_listed_and_shown(self, shell):
        uri = shell.out("create", "listed")
        assert len(uri) == len("feed://") + 64
        assert any(line.startswith(uri) for line in shell.out("ls").splitlines())
        listed = json.loads(shell.out("ls", "--json"))
        (facts,) = [one for one in listed if one["uri"] == uri]
        assert (facts["name"], facts["writeable"], facts["retired"]) == ("listed", True, None)
        shell.run("append", f"{uri}/main", "1")
        for name in ("listed", uri, f"{uri}/main"):
            facts = json.loads(shell.out("info", name, "--json"))
            assert facts["subfeeds"] == [{"uri": f"{uri}/main", "name": "main", "messages": 1}]
        assert f"{uri}/main  1 message" in shell.out("info", "listed")

    def test_a_name_is_given_once(self, shell):
        shell.run("create", "once")
        assert "already a feed" in shell.complaint("create", "once")

    def test_names_cannot_play_with_the_terminal(self, shell):
        uri = shell.out("create", "bad\x1b[31m\u202ename")
        shell.run("retire", uri, "--reason", "\x1b[2J")
        for arguments in (("ls",), ("info", uri)):
            shown = shell.out(*arguments)
            assert "\x1b" not in shown
            assert "\u202e" not in shown

    @pytest.mark.parametrize("verb", ["info", "retire", "delete"])
    def test_a_feed_that_is_not_here_is_said_to_be_so(self, shell, verb):
        assert "no feed named" in shell.complaint(verb, "nothing")
        assert "not on this node" in shell.complaint(verb, NOWHERE)
        assert "64 hex digits" in shell.complaint(verb, "feed://12/main")

    def test_a_retired_feed_is_read_but_not_appended_to(self, shell):
        uri, successor = shell.out("create", "ending"), shell.out("create")
        shell.run("append", f"{uri}/main", "1")
        shell.run("retire", "ending", "--successor", successor, "--reason", "moved")
        assert "retired" in shell.complaint("append", f"{uri}/main", "2")
        assert shell.out("cat", f"{uri}/main") == "1"
        shown = shell.out("info", uri)
        assert "moved" in shown
        assert successor in shown
        assert "feed URI" in shell.complaint("retire", uri, "--successor", "nonsense")

    def test_deleting_a_feed_needs_to_be_meant(self, shell):
        uri = shell.out("create", "gone")
        assert "--yes" in shell.complaint("delete", "gone", status=2)
        shell.run("append", f"{uri}/main", "1")
        shell.run("delete", "gone", "--yes")
        assert "not on this node" in shell.complaint("cat", f"{uri}/main")

    def test_without_a_node_it_says_what_to_do(self, tmp_path, node):
        shell = FeedShell(tmp_path, node.environment | {"KACHERY_DAEMON_PORT": "1"})
        assert "kachery daemon start" in shell.complaint("ls")
        offline = shell.environment | {"KACHERY_OFFLINE_STORAGE_DIR": str(tmp_path / "store")}
        assert "offline" in FeedShell(tmp_path, offline).complaint("create")


class TestMessages:
    def test_any_json_value_is_a_message(self, shell):
        uri = f"{shell.out('create')}/main"
        texts = ['{"n": 1}', "[1,2.5,null]", '"text"', "-1", "true"]
        places = [shell.out("append", uri, text) for text in texts]
        assert places == ["0", "1", "2", "3", "4"]
        assert lines(shell.out("cat", uri)) == [json.loads(text) for text in texts]

    @pytest.mark.parametrize("text", ["{n: 1}", "", "NaN", "--form", "1 2"])
    def test_what_is_not_json_is_not_appended(self, shell, text):
        uri = f"{shell.out('create')}/main"
        assert "JSON" in shell.complaint("append", uri, text)
        assert shell.out("cat", uri) == ""

    def test_lines_of_standard_input_are_messages(self, shell):
        uri = f"{shell.out('create')}/main"
        text = "".join(f'{{"n": {number}}}\n\n' for number in range(5000)) + "5000"
        answer = shell.run("append", uri, input=text.encode())
        assert answer.stdout == b""
        assert b"5,001 messages" in answer.stderr
        found = lines(shell.out("cat", uri))
        assert found == [*({"n": number} for number in range(5000)), 5000]

    def test_the_lines_before_a_bad_one_are_appended(self, shell):
        uri = f"{shell.out('create')}/main"
        said = shell.complaint("append", uri, "-", input=b"1\n2\n{3\n4\n")
        assert "Message 3 of the input is not JSON" in said
        assert lines(shell.out("cat", uri)) == [1, 2]

    def test_a_line_is_appended_when_it_comes(self, shell):
        uri = f"{shell.out('create')}/main"
        with shell.popen("append", uri, stdin=subprocess.PIPE) as writer:
            writer.stdin.write(b"1\n2")
            writer.stdin.flush()
            wait_until(lambda: shell.out("cat", uri) == "1", "the first line is appended")
            writer.stdin.close()
            assert writer.wait(60) == 0
        assert lines(shell.out("cat", uri)) == [1, 2]

    def test_a_part_of_a_subfeed_is_written(self, shell):
        uri = f"{shell.out('create')}/main"
        shell.run("append", uri, input=b"\n".join(b"%d" % number for number in range(100)))
        assert lines(shell.out("cat", uri, "--from", 97)) == [97, 98, 99]
        assert lines(shell.out("cat", uri, "--from", 10, "--to", 12)) == [10, 11]
        assert shell.out("cat", uri, "--from", 100) == ""
        assert shell.out("cat", uri, "--from", 10, "--to", 5) == ""
        assert shell.out("cat", uri, "--from", 98, "--to", 1000) == "98\n99"
        assert lines(shell.out("tail", uri, "-n", 2)) == [98, 99]
        assert lines(shell.out("tail", uri)) == list(range(90, 100))
        assert lines(shell.out("tail", uri, "-n", 1000)) == list(range(100))
        assert shell.out("tail", uri, "-n", 0) == ""

    def test_signed_messages_come_with_what_proves_them(self, shell):
        uri = f"{shell.out('create')}/main"
        shell.run("append", uri, input=b'{"n":0}\n{"n":1}\n{"n":2}')
        found = lines(shell.out("cat", uri, "--from", 1, "--signed"))
        assert [one["body"]["message"] for one in found] == [{"n": 1}, {"n": 2}]
        assert [one["body"]["messageNumber"] for one in found] == [1, 2]
        assert all(len(one["entry"]) == 64 for one in found)

    def test_arrays_are_shown_as_their_uris(self, shell):
        uri = f"{shell.out('create')}/main"
        shell.python(f"kc.load_subfeed({uri!r}).append_message([np.arange(3), b'x'])")
        (message,) = lines(shell.out("cat", uri))
        assert all(part["$kachery"].startswith("sha1://") for part in message)
        (signed,) = lines(shell.out("cat", uri, "--signed"))
        assert signed["body"]["message"] == message
        copy = f"{shell.out('create')}/main"
        shell.run("append", copy, input=shell.out("cat", uri).encode())
        program = f"print(kc.load_subfeed({copy!r})[0][0].tolist())"
        assert shell.python(program) == "[0, 1, 2]"

    def test_messages_cannot_play_with_the_terminal(self, shell, node):
        uri = f"{shell.out('create')}/main"
        message = "bad\x1b[31m \u202e \x9b2J \U0001f600 é\n"
        subfeed = shell.python(f"print(kc.load_subfeed({uri!r}).subfeed_hash)")
        # Another program may write these letters themselves, and line ends between values.
        text = (
            f'{{"feed": "{uri[7:71]}", "subfeed": "{subfeed}", "append_id": "{32 * "0"}",'
            f' "messages": [\n[{json.dumps(message, ensure_ascii=False)},\n1]\n]}}'
        )
        is_json = {"Content-Type": "application/json"}
        reply = node.ask("POST", "/api/v1/messages/append", text.encode(), is_json)
        assert reply.status == 200, reply.body
        written = shell.run("cat", uri).stdout.decode()
        assert written.count("\n") == 1
        assert json.loads(written) == [message, 1]
        assert all(letter.isprintable() for letter in written.rstrip("\n"))
        assert "é" in written

    @pytest.mark.parametrize("verb", ["cat", "tail", "append"])
    def test_a_subfeed_that_is_not_here_is_said_to_be_so(self, shell, verb):
        assert "not on this node" in shell.complaint(verb, NOWHERE, input=b"1")
        assert "not a subfeed" in shell.complaint(verb, NOWHERE[:-5], input=b"1")
        assert "not a feed URI" in shell.complaint(verb, "main", input=b"1")


class TestFollowing:
    def test_messages_are_written_as_they_come_until_ctrl_c(self, shell):
        uri = f"{shell.out('create')}/main"
        shell.run("append", uri, input=b"1\n2\n3")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with shell.popen("tail", uri, "-n", 2, "--follow", **pipes) as tail:
            assert [tail.stdout.readline() for _ in range(2)] == [b"2\n", b"3\n"]
            shell.run("append", uri, '{"n": 4}')
            assert tail.stdout.readline() == b'{"n":4}\n'
            tail.send_signal(signal.SIGINT)
            assert tail.wait(60) == 130
            assert (tail.stdout.read(), tail.stderr.read()) == (b"", b"")

    def test_nobody_reading_any_more_is_no_error(self, shell):
        uri = f"{shell.out('create')}/main"
        shell.run("append", uri, "1")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with shell.popen("tail", uri, "--follow", **pipes) as tail:
            assert tail.stdout.readline() == b"1\n"
            tail.stdout.close()
            shell.run("append", uri, "2")
            assert tail.wait(60) == 141
            assert tail.stderr.read() == b""


class TestExports:
    def test_an_export_is_verified_with_and_without_a_node(self, shell, tmp_path):
        uri = shell.out("create", "exported")
        shell.run("append", f"{uri}/primes", input=b"2\n3\n5")
        shell.run("append", f"{uri}/other", "7")
        assert shell.out("export", "exported", "a.feed") == "a.feed"
        said = shell.out("verify", "a.feed")
        assert f"{uri}: 4 messages in 2 subfeeds" in said
        assert "the same" in said
        alone = FeedShell(tmp_path, shell.environment | {"KACHERY_DAEMON_PORT": "1"})
        answer = alone.run("verify", "a.feed")
        assert b"4 messages" in answer.stdout
        assert b"Not compared" in answer.stderr
        assert verify_log(tmp_path / "a.feed", uri[7:], PRIMES) == [2, 3, 5]

    def test_a_log_and_an_export_are_what_another_program_verifies(self, shell, node, tmp_path):
        uri = shell.out("create")
        shell.run("append", f"{uri}/primes", input=b"2\n3\n5")
        shell.run("append", f"{uri}/primes", '{"last": 7}')
        shell.run("export", f"{uri}/primes", "a.feed")
        log = node.storage / ".state" / "feeds" / uri[7:] / f"{PRIMES}.log"
        for path in (log, tmp_path / "a.feed"):
            assert verify_log(path, uri[7:], PRIMES) == [2, 3, 5, {"last": 7}]

    def test_an_export_that_was_touched_is_refused(self, shell, tmp_path):
        uri = shell.out("create")
        shell.run("append", f"{uri}/main", '"the truth"')
        shell.run("export", uri, "a.feed")
        data = (tmp_path / "a.feed").read_bytes()
        for changed in (data.replace(b"truth", b"trick"), data[:-1], data[:-1] + b"x", b"", b"{}"):
            (tmp_path / "b.feed").write_bytes(changed)
            assert shell.complaint("verify", "b.feed")
        assert "no file" in shell.complaint("verify", "c.feed")

    def test_a_second_history_is_reported_and_kept(self, tmp_path):
        """A copied storage folder and its original both append: that is a fork."""
        with running_node(tmp_path / "one") as one:
            shell = shell_beside(one, tmp_path)
            uri = shell.out("create", "forked")
            shell.run("append", f"{uri}/main", '"common"')
            one.terminate()
            copy = tmp_path / "two" / "storage"
            shutil.copytree(one.storage, copy, ignore=shutil.ignore_patterns("*.sock"))
        with running_node(tmp_path / "two") as two:
            there = shell_beside(two, tmp_path)
            there.run("append", f"{uri}/main", '"their history"')
            there.run("export", "forked", "theirs.feed")
        with running_node(tmp_path / "one") as one:
            shell = shell_beside(one, tmp_path)
            assert "same" in shell.out("verify", "theirs.feed")
            shell.run("append", f"{uri}/main", '"our history"')
            answer = shell.run("verify", "theirs.feed", status=1)
            assert b"two histories from message 1 on" in answer.stderr
            assert b"same" not in answer.stdout
        with running_node(tmp_path / "one") as one:
            shell = shell_beside(one, tmp_path)
            assert "two histories" in shell.complaint("append", f"{uri}/main", '"more"')
            assert json.loads(shell.out("info", uri, "--json"))["subfeeds"][0]["messages"] == 1
            assert shell.out("cat", f"{uri}/main", "--to", 1) == '"common"'
            assert "two histories" in shell.complaint("cat", f"{uri}/main", "--from", 1)
            answer = shell.run("cat", f"{uri}/main", status=1)
            assert answer.stdout == b'"common"\n'
            assert b"two histories" in answer.stderr
