"""Several workstations in one channel: what one stores, the others load; and who may do what."""

from __future__ import annotations

import contextlib
import filecmp
import time
from pathlib import Path

from notebooks.demo.alone import SIZE, follow_live
from notebooks.demo.processes import Node, background
from notebooks.demo.stage import check, show, timed, title, wait_for

CHANNEL = "demo"
GIBIBYTE = 1 << 30


def tell_channel_story(alice: Node, folder: Path, array: str) -> None:
    """All of it; the nodes and the hub that it starts have ended when it returns."""
    with contextlib.ExitStack() as stack:
        title("A hub, and a second workstation")
        options = ("--port", "0", "--host", "127.0.0.1", "--data", str(folder / "hub"), "--json")
        hub = stack.enter_context(
            background(folder / "hub.log", alice.environment, "hub", "start", *options)
        )
        show(f"hub: {hub['url'].rpartition('/')[0]}/…")
        bob = stack.enter_context(Node(folder, "bob").running())
        invite(alice, bob, hub["url"])
        load_small_things(alice, bob, array)
        load_large_file(alice, bob, folder)
        follow_feed(bob)
        refuse_role(alice, bob)
        title("A third workstation, Carol's, is an archive: it keeps what passes")
        carol = stack.enter_context(Node(folder, "carol").running())
        keep_what_passes(alice, bob, carol)
        revoke(alice, bob)


def invite(alice: Node, bob: Node, url: str) -> None:
    import kachery_jupyter as kc

    title("Alice makes a channel and invites Bob")
    channel = kc.channels.create(CHANNEL, url)
    check("the channel is there, and hers", channel.state == "connected" and channel.is_owner)
    invitation = kc.channels.invite(CHANNEL, bob.node_id, name="bob")
    show(f"kachery channel join {invitation[:40]}…  ({len(invitation)} letters)")
    joined = bob.facts("channel", "join", invitation)
    check("Bob is in", joined["state"] == "connected")
    failed = alice.try_shell("channel", "join", invitation)
    check("the invitation is of no use to others", failed.returncode == 1)
    wait_for(lambda: present() == 1, "they see each other")


def load_small_things(alice: Node, bob: Node, array: str) -> None:
    import kachery_jupyter as kc

    title("Bob loads a text that Alice has")
    uri = kc.store_text("from one workstation to the other")
    show(f"kc.load_text({uri!r})")
    answer = bob.python(
        "import time; kc.exists('sha1://' + '0' * 40); begin = time.perf_counter()\n"
        f"print(kc.load_text({uri!r}), f'{{1000 * (time.perf_counter() - begin):.1f}}', sep='|')"
    )
    text, _, milliseconds = answer.partition("|")
    check(f"it came, in {milliseconds} ms", text == "from one workstation to the other")

    title("An array of 200 MB, and a folder")
    program = f"array = kc.load_npy({array!r})\nprint(array[12345], array.size)"
    said, seconds = timed(lambda: bob.python(program))
    check(f"the array, verified, in {seconds:.1f} s", said == f"12345.0 {SIZE}")
    folder = kc.store_dir(alice.folder.parent / "run", "run")
    bob.python(f"kc.load_dir({folder!r}, {str(bob.folder / 'run')!r})")
    same = filecmp.dircmp(alice.folder.parent / "run", bob.folder / "run")
    check("the folder, file by file", not (same.left_only or same.right_only or same.diff_files))
    check("nobody has it: None", bob.python(f"print(kc.load_text('sha1://{'0' * 40}'))") == "None")


def load_large_file(alice: Node, bob: Node, folder: Path) -> None:
    import kachery_jupyter as kc

    title("A file of 1 GB")
    path = folder / "large.dat"
    make_large_file(path)
    uri, seconds = timed(lambda: kc.store_file(path))
    show(uri, f"stored in {seconds:.1f} s")
    path.unlink()
    program = f"""
import time
begin = time.perf_counter()
with kc.open({uri!r}) as file:
    file.seek(-1024, 2)
    count = len(file.read())
print(count, f'{{1000 * (time.perf_counter() - begin):.0f}}', kc.exists({uri!r}))
"""
    count, milliseconds, is_there = bob.python(program).split()
    check(f"Bob reads its last 1024 bytes, in {milliseconds} ms", count == "1024")
    check("and does not have the rest", is_there == "False")
    there, seconds = timed(lambda: bob.python(f"print(kc.load_file({uri!r}))"))
    show(f"all of it, verified and on Bob's disk, in {seconds:.1f} s: {1074 / seconds:.0f} MB/s")
    check("it is the same", filecmp.cmp(kc.load_file(uri), there, shallow=False))


def make_large_file(path: Path) -> None:
    import numpy as np

    block = bytearray(np.random.default_rng(4).bytes(1 << 20))
    with open(path, "wb") as file:
        for number in range(GIBIBYTE >> 20):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)


def follow_feed(bob: Node) -> None:
    import kachery_jupyter as kc

    title("Bob follows a feed of Alice's, live")
    subfeed = kc.create_feed("news").load_subfeed("numbers")
    subfeed.append_messages([{"n": number} for number in range(10_000)])
    program = f"print(len(kc.load_subfeed({subfeed.uri!r}).get_next_messages()))"
    said, seconds = timed(lambda: bob.python(program))
    check(f"10,000 messages, each verified, in {seconds:.1f} s", said == "10000")
    with bob.following("feed", "tail", subfeed.uri, "-n", "1", "--follow") as lines:
        follow_live(subfeed, lines)


def refuse_role(alice: Node, bob: Node) -> None:
    import kachery_jupyter as kc

    title("A role is withdrawn")
    uri = kc.store_text("not for everybody")
    grant(bob, ["provide-files", "request-feeds"])
    failed = bob.try_shell("cat", uri, "--channel", CHANNEL)
    show(*failed.stderr.splitlines())
    check("Bob may not request files", failed.returncode == 1 and "role" in failed.stderr)
    grant(bob, list(kc.channels.SHARING_ROLES))
    check("given back, he may", bob.shell("cat", uri) == "not for everybody")


def keep_what_passes(alice: Node, bob: Node, carol: Node) -> None:
    import kachery_jupyter as kc

    invitation = kc.channels.invite(CHANNEL, carol.node_id, name="carol", archive=True)
    carol.shell("channel", "join", invitation)
    carol.shell("channel", "archive", CHANNEL, "--quota", "100MB")
    wait_for(lambda: archive_is_there(bob), "Bob's node knows of the archive")
    uri = kc.store_text("worth keeping")
    check("Bob loads from Alice", bob.shell("cat", uri) == "worth keeping")
    seconds = wait_for(
        lambda: carol.python(f"print(kc.exists({uri!r}))") == "True", "the archive has it"
    )
    show(f"the archive has it, {seconds:.1f} s later")
    bob.shell("rm", uri)
    check("Bob does not any more", bob.python(f"print(kc.exists({uri!r}))") == "False")
    alice.stop()
    check("Alice's node is off", not (alice.storage / ".state" / "node.json").exists())
    check("Bob loads it all the same", bob.shell("cat", uri) == "worth keeping")
    source = bob.python(f"print(kc.info({uri!r}).origin['node'])")
    check("from the archive", source == carol.node_id)
    alice.start()
    wait_for(lambda: present() == 2, "all are there again")


def revoke(alice: Node, bob: Node) -> None:
    import kachery_jupyter as kc

    title("Bob is put out of the channel")
    uri = kc.store_text("for members only")
    watch = """
import time
while kc.channels.ls()[0].state != "revoked":
    time.sleep(0.01)
print(time.time())
"""
    begin = time.time()
    kc.channels.revoke(CHANNEL, bob.node_id)
    seconds = float(bob.python(watch)) - begin
    check(f"{seconds:.2f} s later his node knows", seconds < 5)
    failed = bob.try_shell("cat", uri, "--channel", CHANNEL)
    show(*failed.stderr.splitlines())
    check("and gets nothing any more", failed.returncode == 1 and failed.stdout == "")


def grant(bob: Node, roles: list[str]) -> None:
    import kachery_jupyter as kc

    kc.channels.grant(CHANNEL, bob.node_id, roles)
    wait_for(
        lambda: sorted(bob.facts("channel", "ls")[0]["granted"]) == sorted(roles),
        "Bob's node knows its roles",
    )


def present() -> int:
    import kachery_jupyter as kc

    return kc.channels.ls()[0].present


def archive_is_there(bob: Node) -> bool:
    return any(one["keeps"] for one in bob.facts("channel", "members", CHANNEL))
