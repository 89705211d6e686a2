"""Thousands of subfeeds in a process that may open a thousand files."""

import os
import sys

import pytest

from tests.support.programs import run_program

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="counts open files"),
]
SUBFEEDS = 5_000
WRITE_AND_READ = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
from pathlib import Path
from kachery_core.messages import Head, SubfeedKey, check_run
from tests.support.feed_samples import append_one, open_feeds

many, folder = int(sys.argv[1]), Path(sys.argv[2])

async def story():
    async with open_feeds(folder) as feeds:
        feed = (await feeds.create(None)).feed
        keys = [SubfeedKey(feed, f"{number:040x}") for number in range(many)]
        for turn in range(2):
            for start in range(0, many, 100):
                part = keys[start : start + 100]
                work = [append_one(feeds, key, turn) for key in part]
                assert await asyncio.gather(*work) == [turn] * len(part)
        for key in keys:
            before, run = await feeds.read(key, 0, 1 << 20)
            assert before == Head()
            assert check_run(key, before, run)[-1].head.length == 2
        ready = await feeds.wait(dict.fromkeys(keys, 1), 1)
        print(len(ready), len(list(Path("/proc/self/fd").iterdir())))

asyncio.run(story())
"""


def test_5000_subfeeds_are_written_and_read_under_a_limit_of_1024_files(tmp_path):
    code = f"import sys\nsys.argv[1:] = [{str(SUBFEEDS)!r}, {str(tmp_path)!r}]\n{WRITE_AND_READ}"
    ready, files = run_program(code, os.environ).split()
    assert int(ready) == SUBFEEDS
    assert int(files) < 500
