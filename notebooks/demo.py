"""Files and feeds in half a minute: `make demo`.

Starts a node of its own in a temporary folder, does with it what people do, and ends it. Leaves
nothing behind; leaves with status 1 if anything is not as it should be.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KACHERY = [sys.executable, "-m", "kachery_jupyter.cli"]
SIZE = 25_000_000  # numbers of 8 bytes: 200 MB


def main() -> int:
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kachery-demo-") as name:
        folder = Path(name)
        storage = folder / "storage"
        # Nothing of yours is touched: folders, caches and port are the demo's own.
        for variable in [name for name in os.environ if name.startswith("KACHERY_")]:
            del os.environ[variable]
        os.environ["KACHERY_STORAGE_DIR"] = str(storage)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        with running_node(storage) as node:
            os.environ["KACHERY_DAEMON_PORT"] = str(node["port"])
            tell_story(folder, storage)
            tell_feed_story(folder)
        check("the node has ended", not is_running(storage))
    print(f"\nAll of it worked, in {time.monotonic() - begin:.0f} s.")
    return 0


@contextlib.contextmanager
def running_node(storage):
    title("A node of our own, on a free port")
    start = [*KACHERY, "daemon", "start", "--storage", str(storage), "--port", "0"]
    answer = subprocess.run(
        [*start, "--background", "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    node = json.loads(answer.stdout)
    show(f"node {node['node_id'][:16]}…, port {node['port']}, keeps everything in {storage}")
    try:
        yield node
    finally:
        title("The node ends")
        shell("daemon", "stop")


def tell_story(folder: Path, storage: Path) -> None:
    import numpy as np

    import kachery_jupyter as kc

    title("A text")
    uri_text = kc.store_text("some-random-text")
    show(uri_text)
    check(
        "its URI is the one everybody gets",
        uri_text == "sha1://6af826b3d648ccba6b4bbe58e93e22add640d728/file.txt",
    )
    check("it loads", kc.load_text(uri_text) == "some-random-text")

    title("An array of 200 MB")
    array = np.arange(SIZE, dtype=np.float64)
    uri_array, seconds = timed(lambda: kc.store_npy(array, "array.npy"))
    show(uri_array)
    show(f"hashed, copied and safe on the disk in {seconds:.1f} s: {200 / seconds:.0f} MB/s")
    again, seconds = timed(lambda: kc.load_npy(uri_array))
    check(f"it loads as a memory map, in {1000 * seconds:.1f} ms", again[-1] == SIZE - 1)
    del again

    title("A file and a folder")
    (folder / "run" / "raw").mkdir(parents=True)
    (folder / "run" / "notes.txt").write_text("quiet night\n")
    (folder / "run" / "raw" / "a.dat").write_bytes(bytes(1000))
    uri_file = kc.store_file(folder / "run" / "notes.txt")
    uri_folder = kc.store_dir(folder / "run", "run")
    show(uri_file)
    show(uri_folder)
    check("the folder lists", sorted(kc.list_dir(uri_folder)) == ["notes.txt", "raw/a.dat"])

    title("From a second process")
    program = f"import kachery_jupyter as kc; print(kc.load_npy({uri_array!r})[12345])"
    check("it finds the array", python(program) == "12345.0")

    title("From the shell")
    check("kachery cat", shell("cat", uri_file) == "quiet night\n")
    check(
        "kachery cat, a few bytes of 200 MB",
        shell("cat", uri_array, "--start", "1", "--end", "6") == "NUMPY",
    )
    shell("ls", "--long", shown=True)

    title("Offline: the same program, no node")
    offline = {"KACHERY_OFFLINE_STORAGE_DIR": str(storage)}
    check(
        "it loads the text",
        python(f"import kachery_jupyter as kc; print(kc.load_text({uri_text!r}))", offline)
        == "some-random-text",
    )

    title("Bits that rot are not handed out")
    sha1 = kc.parse_uri(uri_file).hash
    stored = storage / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
    stored.chmod(0o600)
    stored.write_bytes(b"quiet nighT\n")
    failed = subprocess.run(
        [*KACHERY, "cat", uri_file], capture_output=True, text=True, check=False
    )
    show(*failed.stderr.splitlines())
    check("an error, and no wrong byte", failed.returncode == 1 and failed.stdout == "")
    check("storing it again heals it", kc.store_file(folder / "run" / "notes.txt") == uri_file)
    check("and it loads again", shell("cat", uri_file) == "quiet night\n")


def tell_feed_story(folder: Path) -> None:
    import kachery_jupyter as kc

    title("A feed: a signed log that others follow")
    subfeed = kc.create_feed("demo").load_subfeed("primes")
    show(subfeed.uri)
    _, seconds = timed(lambda: subfeed.append_message({"n": 1, "p": 2}))
    show(f"a message: signed, chained and safe on the disk in {1000 * seconds:.1f} ms")
    numbers = [{"n": number} for number in range(2, 100_002)]
    _, seconds = timed(lambda: subfeed.append_messages(numbers))
    show(f"100,000 more in {seconds:.1f} s")
    messages, seconds = timed(lambda: kc.load_subfeed(subfeed.uri).get_next_messages())
    check(f"all are read, each verified, in {seconds:.1f} s", messages[1:] == numbers)

    title("Somebody follows it")
    follow = [*KACHERY, "feed", "tail", subfeed.uri, "-n", "1", "--follow"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as follower:
        follower.stdout.readline()
        delays, arrived = [], []
        for number in range(9):
            sent = time.monotonic()
            subfeed.append_message(number)
            arrived.append(int(follower.stdout.readline()))
            delays.append(time.monotonic() - sent)
        show(f"{1000 * sorted(delays)[4]:.1f} ms from the call to the other process's output")
        check("every message, in order", arrived == list(range(9)))
        follower.terminate()

    title("A copy that proves itself, anywhere, without a node")
    path = kc.export_feed(subfeed.uri, folder / "demo.feed")
    show(*shell("feed", "verify", str(path)).splitlines())
    path.write_bytes(path.read_bytes().replace(b'"p":2', b'"p":4'))
    failed = subprocess.run(
        [*KACHERY, "feed", "verify", str(path)], capture_output=True, text=True, check=False
    )
    show(*failed.stderr.splitlines())
    check("one changed digit, and it is refused", failed.returncode == 1)


def shell(*arguments: str, shown: bool = False) -> str:
    answer = subprocess.run([*KACHERY, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    if shown:
        show(*answer.stdout.splitlines())
    return answer.stdout


def python(program: str, environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    return answer.stdout.strip()


def is_running(storage: Path) -> bool:
    return (storage / ".state" / "node.json").exists()


def timed(action):
    begin = time.monotonic()
    result = action()
    return result, time.monotonic() - begin


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(*lines: str) -> None:
    for line in lines:
        print(f"    {line}", flush=True)


def check(claim: str, holds: bool) -> None:
    print(f"    {'yes' if holds else 'NO!'}  {claim}", flush=True)
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
