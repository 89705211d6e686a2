"""The feed examples people know, run as they are printed, against a real node."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.nodes import running_node
from tests.support.seeds import PRIMES, PRINTED_URI, READING, WRITING

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def run(tmp_path):
    """Runs a program beside a node; what it printed, line by line."""
    with running_node(tmp_path) as node:
        environment = node.environment | {"KACHERY_DAEMON_PORT": str(node.port)}

        def run(program):
            command = [sys.executable, "-c", program]
            answer = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert answer.returncode == 0, answer.stderr
            assert answer.stderr == ""
            return answer.stdout.splitlines()

        yield run


def test_the_examples_write_and_read_what_they_say(run):
    found, uri = run(WRITING)
    assert found == "Found 25 prime numbers less than 100"
    assert re.fullmatch(r"feed://[0-9a-f]{64}/primes", uri)
    lines = run(READING.replace(PRINTED_URI, uri))
    assert lines == [f"Prime {number}: {prime}" for number, prime in enumerate(PRIMES, 1)]
    assert lines[0] == "Prime 1: 2"
    assert lines[-1] == "Prime 25: 97"


def test_a_message_written_while_somebody_waits_is_read(run):
    program = WRITING + "\nreader = kc.load_subfeed(subfeed.uri, position=len(subfeed))\n"
    program += """
import threading
threading.Timer(0.5, subfeed.append_message, [{'p': 101, 'n': 26}]).start()
print(reader.get_next_messages(wait_msec=30000))
"""
    assert run(program)[-1] == "[{'p': 101, 'n': 26}]"


def test_both_spellings_of_kachery_work(run):
    program = """
import kachery_client as kc
feed = kc.load_feed('named', create=True)
subfeed = feed.get_subfeed('main')
assert feed.get_uri() == feed.uri and feed.get_feed_id() == feed.feed_id == kc.get_feed_id('named')
assert feed.is_writeable and feed.is_writeable() and subfeed.is_writeable()
subfeed.append_messages([{'n': 1}, {'n': 2}])
assert subfeed.get_num_messages() == subfeed.get_num_local_messages() == 2
assert subfeed.get_position() == 0
assert subfeed.get_next_message() == {'n': 1}
assert subfeed.get_position() == subfeed.position == 1
subfeed.set_position(2)
assert subfeed.get_next_messages() == []
watch = {'feedId': feed.feed_id, 'subfeedName': 'main', 'position': 1}
assert kc.watch_for_new_messages({'mine': watch}, wait_msec=10) == {'mine': [{'n': 2}]}
kc.delete_feed('named')
print(kc.list_feeds())
"""
    assert run(program) == ["[]"]
