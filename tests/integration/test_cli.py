"""The shell command, as people and shell scripts use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kernels import free_port
from tests.support.nodes import isolated_environment, running_node, wait_until
from tests.support.samples import sample
from tests.support.shells import KACHERY, Shell

pytestmark = pytest.mark.timeout(120)

TEXT_URI = "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
NOWHERE = f"sha1://{40 * '0'}/nothing.txt"


@pytest.fixture
def shell(tmp_path):
    """A shell that works offline."""
    environment = isolated_environment(
        tmp_path, KACHERY_OFFLINE_STORAGE_DIR=str(tmp_path / "store")
    )
    return Shell(tmp_path, environment)


@pytest.fixture
def online(tmp_path):
    """A shell beside a running node."""
    with running_node(tmp_path) as node:
        yield Shell(tmp_path, node.environment | {"KACHERY_DAEMON_PORT": str(node.port)})


class TestStoringAndLoading:
    def test_a_file_is_stored_and_comes_back_through_a_node(self, online):
        (online.folder / "file.txt").write_text("some-random-text")
        assert online.out("store", "file.txt") == TEXT_URI
        assert online.out("cat", TEXT_URI) == "some-random-text"

    def test_a_file_is_stored_and_comes_back_offline(self, shell):
        (shell.folder / "file.txt").write_text("some-random-text")
        assert shell.out("store", "file.txt") == TEXT_URI
        assert Path(shell.out("load", TEXT_URI)).read_text() == "some-random-text"

    def test_several_files_give_one_uri_a_line(self, shell):
        (shell.folder / "a b.txt").write_text("a")
        (shell.folder / "c.txt").write_text("c")
        uris = shell.out("store", "a b.txt", "c.txt").splitlines()
        assert [uri.rpartition("/")[2] for uri in uris] == ["a%20b.txt", "c.txt"]

    def test_a_name_replaces_the_files_own(self, shell):
        (shell.folder / "a").write_text("some-random-text")
        assert shell.out("store", "a", "--name", "file.txt") == TEXT_URI
        assert "one PATH" in shell.complaint("store", "a", "a", "--name", "x", status=2)

    @pytest.mark.parametrize("size", [0, 1, 17 << 20])
    def test_standard_input_is_stored_whatever_its_size(self, shell, size):
        data = sample(size)
        uri = shell.out("store", "-", "--name", "in.dat", input=data)
        assert shell.run("cat", uri).stdout == data

    def test_a_folder_is_one_uri(self, shell):
        (shell.folder / "run" / "sub").mkdir(parents=True)
        (shell.folder / "run" / "sub" / "a.txt").write_text("within")
        uri = shell.out("store", "run")
        assert uri.startswith("sha1dir://")
        assert shell.out("cat", f"{uri}/sub/a.txt") == "within"
        shell.run("load", uri, "--dest", "back")
        assert (shell.folder / "back" / "sub" / "a.txt").read_text() == "within"
        assert "--dest" in shell.complaint("load", uri, status=2)

    def test_a_copy_is_written_where_it_is_wanted(self, shell):
        uri = shell.out("store", "-", input=b"some-random-text")
        assert shell.out("load", uri, "--dest", "copy.txt") == "copy.txt"
        assert (shell.folder / "copy.txt").read_text() == "some-random-text"

    def test_a_link_is_loaded_from_where_it_is_and_its_change_is_noticed(self, shell):
        path = shell.folder / "recording.dat"
        path.write_bytes(b"as it was")
        uri = shell.out("link", "recording.dat")
        assert shell.out("cat", uri) == "as it was"
        path.write_bytes(b"as it is!")
        assert "changed" in shell.complaint("cat", uri)


class TestCat:
    def test_a_range_is_cut_out_across_chunks(self, shell):
        data = sample(3 << 20)
        uri = shell.out("store", "-", input=data)
        cut = shell.run("cat", uri, "--start", 1_000_000, "--end", 2_500_000).stdout
        assert cut == data[1_000_000:2_500_000]
        assert shell.run("cat", uri, "--start", 3 << 20).stdout == b""

    def test_a_range_outside_is_an_error(self, shell):
        uri = shell.out("store", "-", input=b"12345")
        assert "not within" in shell.complaint("cat", uri, "--start", 2, "--end", 6)
        assert "not within" in shell.complaint("cat", uri, "--start", 6)
        shell.complaint("cat", uri, "--start", -1, status=2)

    @on_linux
    def test_a_large_file_is_not_taken_into_memory(self, shell):
        path = shell.folder / "large.dat"
        with path.open("wb") as file:
            file.truncate(300 << 20)
        uri = shell.out("store", path)
        program = (
            "import pathlib, re, sys; from kachery_jupyter.cli import run\n"
            f"status = run(['cat', {uri!r}])\n"
            "said = pathlib.Path('/proc/self/status').read_text()\n"
            "print(re.search(r'VmHWM:\\s+(\\d+)', said)[1], file=sys.stderr)\n"
            "sys.exit(status)"
        )
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env=shell.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=True,
        )
        assert int(answer.stderr) < 150_000  # kilobytes

    def test_nobody_reading_any_more_is_no_reason_to_complain(self, shell):
        uri = shell.out("store", "-", input=bytes(5 << 20))
        process = shell.popen("cat", uri, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.read(10) == bytes(10)
        process.stdout.close()
        with process.stderr as errors:
            assert errors.read() == b""
        assert process.wait(60) == 141

    def test_damaged_content_is_not_handed_out(self, shell):
        uri = shell.out("store", "-", input=b"some-random-text")
        (stored,) = (shell.folder / "store" / "sha1").rglob("6af826b3*728")
        stored.chmod(0o600)
        stored.write_bytes(b"some-random-texT")
        assert "damaged" in shell.complaint("cat", uri)


class TestWhatGoesWrong:
    @pytest.mark.parametrize("command", ["load", "cat", "info", "rm", "restore", "pin"])
    def test_what_is_not_there_is_said_and_the_status_is_1(self, shell, command):
        said = shell.complaint(command, NOWHERE)
        assert said.startswith("kachery: ")
        assert "0000" in said
        assert "None" not in said

    def test_the_question_to_ask_next_can_be_copied(self, online):
        said = online.complaint("load", f"{NOWHERE}?manifest={40 * '1'}")
        assert "neither in the store nor on any channel" in said
        assert f"`kachery explain '{NOWHERE}?manifest={40 * '1'}'`" in said

    @pytest.mark.parametrize("command", ["load", "cat", "info", "rm", "pin"])
    def test_what_is_no_uri_is_said(self, shell, command):
        assert "sha1://abc/file.txt" in shell.complaint(command, "sha1://abc/file.txt")
        assert "not a kachery URI" in shell.complaint(command, "file.txt")

    def test_a_path_that_is_not_there_is_said(self, shell):
        assert "missing.txt" in shell.complaint("store", "missing.txt")

    def test_a_destination_that_cannot_be_written_is_said(self, shell):
        uri = shell.out("store", "-", input=b"some-random-text")
        assert "kachery: " in shell.complaint("load", uri, "--dest", "no/such/folder/x")

    def test_without_a_node_it_says_how_to_start_one(self, tmp_path):
        environment = isolated_environment(tmp_path, KACHERY_DAEMON_PORT=str(free_port()))
        said = Shell(tmp_path, environment).complaint("cat", TEXT_URI)
        assert "kachery daemon start" in said

    @on_linux
    @pytest.mark.parametrize("command", ["ls", "load", "cat"])
    def test_a_full_disk_behind_the_output_is_said(self, shell, command):
        uri = shell.out("store", "-", input=b"some-random-text")
        arguments = [] if command == "ls" else [uri]
        with open("/dev/full", "wb") as full:
            process = shell.popen(command, *arguments, stdout=full, stderr=subprocess.PIPE)
        assert process.communicate(timeout=60)[1].startswith(b"kachery: No space left")
        assert process.returncode != 0

    def test_a_closed_output_is_no_reason_to_fall_over(self, shell):
        shell.run("store", "-", input=b"some-random-text")
        command = [*KACHERY, "cat", TEXT_URI]
        for stream in ("<&-", ">&-", "2>&-"):
            line = f'"$@" {stream}'
            answer = subprocess.run(
                ["sh", "-c", line, "sh", *command],
                env=shell.environment,
                capture_output=True,
                timeout=60,
                check=True,
            )
            assert answer.stderr == b""

    @pytest.mark.parametrize("arguments", [["stroe"], ["store"], ["cat"], ["ls", "--limit", "0"]])
    def test_a_command_that_cannot_be_understood_has_status_2(self, shell, arguments):
        assert "Usage:" in shell.complaint(*arguments, status=2)

    @on_linux
    def test_ctrl_c_is_quiet(self, shell):
        process = shell.popen(
            "store", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdin.write(bytes(100))
        process.stdin.flush()
        wait_until(lambda: _is_reading(process.pid), "it reads")
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=60)
        assert (said, complained, process.returncode) == (b"", b"", 130)


class TestTheCatalog:
    def test_what_is_stored_is_listed_and_found_by_name(self, shell):
        first = shell.out("store", "-", "--name", "one.txt", input=b"1")
        second = shell.out("store", "-", "--name", "two.txt", input=b"2")
        assert set(shell.out("ls").splitlines()) == {first, second}
        assert shell.out("ls", "two") == second
        assert shell.out("ls", "three") == ""
        assert "1 byte" in shell.out("ls", "one", "--long")
        assert [entry["uri"] for entry in json.loads(shell.out("ls", "--json", "two"))] == [second]

    def test_a_list_that_was_cut_says_so(self, shell):
        for number in range(3):
            shell.run("store", "-", input=str(number).encode())
        answer = shell.run("ls", "--limit", 2)
        assert len(answer.stdout.splitlines()) == 2
        assert b"--limit" in answer.stderr

    def test_info_tells_size_and_name(self, shell):
        uri = shell.out("store", "-", "--name", "one.txt", input=b"12345")
        facts = json.loads(shell.out("info", uri, "--json"))
        assert facts["size"] == 5
        assert "5 bytes" in shell.out("info", uri)

    def test_what_was_removed_can_be_restored(self, shell):
        uri = shell.out("store", "-", input=b"12345")
        shell.run("rm", uri)
        shell.complaint("cat", uri)
        assert shell.out("ls") == ""
        shell.run("restore", uri)
        assert shell.out("cat", uri) == "12345"

    def test_pinning_shows(self, shell):
        uri = shell.out("store", "-", input=b"12345")
        shell.run("pin", uri)
        assert "pinned" in shell.out("ls", "--long")
        shell.run("unpin", uri)
        assert "pinned" not in shell.out("ls", "--long")

    def test_gc_only_says_what_would_go(self, shell):
        uri = shell.out("store", "-", input=b"12345")
        assert b"0 files" in shell.run("gc").stderr
        shell.run("gc", "--yes")
        assert shell.out("cat", uri) == "12345"

    def test_gc_deletes_what_was_removed_long_ago(self, shell):
        uri = shell.out("store", "-", input=b"12345")
        shell.run("rm", uri)
        _long_ago(shell.folder / "store")
        answer = shell.run("gc")
        assert uri.split("/")[2] in answer.stdout.decode()
        assert b"--yes" in answer.stderr
        shell.run("restore", uri)
        shell.run("rm", uri)
        _long_ago(shell.folder / "store")
        shell.run("gc", "--yes")
        shell.complaint("restore", uri)

    def test_fsck_finds_what_has_rotted(self, shell):
        shell.run("store", "-", input=b"some-random-text")
        shell.run("store", "-", input=b"other")
        assert "2 " in shell.out("fsck")
        (stored,) = (shell.folder / "store" / "sha1").rglob("6af826b3*728")
        stored.chmod(0o600)
        stored.write_bytes(b"some-random-texT")
        report = json.loads(shell.out("fsck", "--json", status=1))
        assert report["damaged"] == ["6af826b3d648ccba6b4bbe58e93e22add640d728"]
        assert report["checked"] == 1


class TestTheDaemon:
    def test_it_starts_in_the_background_and_stops(self, tmp_path):
        shell = Shell(tmp_path, isolated_environment(tmp_path))
        started = json.loads(shell.out("daemon", "start", "--background", "--json", "--port", 0))
        try:
            # The port is found by what the node wrote down in its folder.
            status = json.loads(shell.out("daemon", "status", "--json"))
            assert status["node_id"] == started["node_id"] == shell.out("node", "id")
            assert str(tmp_path / "storage") in shell.out("daemon", "status")
            assert "ready" in Path(started["log"]).read_text()
            refused = shell.complaint("daemon", "start", "--background", "--port", 0)
            assert "already keeps" in refused
            assert "Nothing is wrong" in shell.out("doctor")
        finally:
            shell.run("daemon", "stop")
        assert not (tmp_path / "storage" / "node.sock").exists()
        assert "No kachery node" in shell.complaint("daemon", "stop")

    def test_it_runs_in_the_foreground_until_it_is_told_to_end(self, tmp_path):
        shell = Shell(tmp_path, isolated_environment(tmp_path))
        process = shell.popen("daemon", "start", "--port", "0", stdout=subprocess.PIPE)
        try:
            assert b"ready" in process.stdout.readline()
            assert json.loads(shell.out("daemon", "status", "--json"))
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        process.stdout.close()

    def test_a_port_that_is_taken_is_said(self, tmp_path, online):
        other = Shell(tmp_path, isolated_environment(tmp_path / "other"))
        port = online.environment["KACHERY_DAEMON_PORT"]
        said = other.complaint("daemon", "start", "--background", "--port", port)
        assert port in said

    def test_a_service_is_shown_before_it_is_installed(self, shell):
        shown = shell.out("daemon", "install-service", "--dry-run", "--port", "20500")
        assert "kachery_daemon" in shown
        assert '"20500"' in shown
        assert not (shell.folder / "home" / ".config").exists()
        if sys.platform != "linux":
            return
        shell.run("daemon", "install-service")
        installed = shell.folder / "home" / ".config/systemd/user/kachery.service"
        assert str(shell.folder / "storage") in installed.read_text()

    def test_the_doctor_says_what_is_wrong_and_leaves_with_1(self, tmp_path):
        environment = isolated_environment(tmp_path, KACHERY_DAEMON_PORT=str(free_port()))
        said = Shell(tmp_path, environment).out("doctor", status=1)
        assert "WRONG" in said
        assert "kachery daemon start" in said
        assert f"{tmp_path}/storage (from KACHERY_STORAGE_DIR)" in said


def test_help_needs_none_of_the_heavy_libraries(shell):
    program = (
        "import sys; from kachery_jupyter.cli import run; run(['--help'])\n"
        "heavy = {'numpy', 'tornado', 'IPython', 'cryptography', 'asyncio', 'sqlite3', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines()[-1] == "[]"


def _is_reading(pid: int) -> bool:
    """Whether a process waits for its standard input (system call 0 of descriptor 0)."""
    return Path(f"/proc/{pid}/syscall").read_text().startswith("0 0x0 ")


def _long_ago(root: Path) -> None:
    """Make everything in the trash look as if it was removed in 1970."""
    from kachery_store.catalog import Catalog

    catalog = Catalog(root / ".state")
    with catalog._database.writing() as connection:
        connection.execute("UPDATE content SET trashed_at=1 WHERE trashed_at IS NOT NULL")
    catalog.close()
