"""One workstation: files and feeds, for the programs of its users."""

from __future__ import annotations

import time
from pathlib import Path

from notebooks.demo.processes import Node
from notebooks.demo.stage import check, show, timed, title

SIZE = 25_000_000  # numbers of 8 bytes: 200 MB


def tell_file_story(alice: Node, folder: Path) -> str:
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
    program = f"print(kc.load_npy({uri_array!r})[12345])"
    check("it finds the array", alice.python(program) == "12345.0")

    title("From the shell")
    check("kachery cat", alice.shell("cat", uri_file) == "quiet night\n")
    check(
        "kachery cat, a few bytes of 200 MB",
        alice.shell("cat", uri_array, "--start", "1", "--end", "6") == "NUMPY",
    )
    show(*alice.shell("ls", "--long").splitlines())

    title("Offline: the same program, no node")
    said = alice.python(
        f"print(kc.load_text({uri_text!r}))", KACHERY_OFFLINE_STORAGE_DIR=str(alice.storage)
    )
    check("it loads the text", said == "some-random-text")

    title("Bits that rot are not handed out")
    sha1 = kc.parse_uri(uri_file).hash
    stored = alice.storage / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
    stored.chmod(0o600)
    stored.write_bytes(b"quiet nighT\n")
    failed = alice.try_shell("cat", uri_file)
    show(*failed.stderr.splitlines())
    check("an error, and no wrong byte", failed.returncode == 1 and failed.stdout == "")
    check("storing it again heals it", kc.store_file(folder / "run" / "notes.txt") == uri_file)
    check("and it loads again", alice.shell("cat", uri_file) == "quiet night\n")
    return uri_array


def tell_feed_story(alice: Node, folder: Path) -> None:
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
    with alice.following("feed", "tail", subfeed.uri, "-n", "1", "--follow") as lines:
        follow_live(subfeed, lines)

    title("A copy that proves itself, anywhere, without a node")
    path = kc.export_feed(subfeed.uri, folder / "demo.feed")
    show(*alice.shell("feed", "verify", str(path)).splitlines())
    path.write_bytes(path.read_bytes().replace(b'"p":2', b'"p":4'))
    failed = alice.try_shell("feed", "verify", str(path))
    show(*failed.stderr.splitlines())
    check("one changed digit, and it is refused", failed.returncode == 1)


def follow_live(subfeed, lines) -> None:
    """Append, and see each message come out at the other end before the next."""
    lines.readline()
    delays, arrived = [], []
    for number in range(9):
        sent = time.monotonic()
        subfeed.append_message(number)
        arrived.append(int(lines.readline()))
        delays.append(time.monotonic() - sent)
    show(f"{1000 * sorted(delays)[4]:.1f} ms from the call to the other process's output")
    check("every message, in order", arrived == list(range(9)))
