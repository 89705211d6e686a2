"""Whether a Jupyter server goes on answering while 1 GB is stored, and what memory that takes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cpu import memory_of, pretouch
from benchmarks.nodes import jupyter_connection
from benchmarks.report import Goal, Table, duration, megabytes, shorter
from benchmarks.scratch import change_file, remove_large_files, write_file

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.measuring import Measuring
    from benchmarks.nodes import RunningNode
    from benchmarks.scratch import Sizes

_PAUSE = 0.003
_IDLE = "nothing else"
_OTHER = "another program hashing in two threads (not kachery)"
_CLIENT = "`kc.store_file` in another process"
_UPLOAD = "upload through the embedded node"
_MOST_SECONDS = 0.010
_MOST_MEMORY = 100e6


@dataclass
class _Answers:
    """Answer times of a server while something happened, and memory taken by that."""

    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def at(self, part: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * part))]


def measure(measuring: Measuring, scratch: Path, node: RunningNode, sizes: Sizes) -> list[Table]:
    """Answer times of a Jupyter server with an embedded node, all runs of a kind together."""
    source = scratch / "upload.bin"
    write_file(source, sizes.file)
    work: dict[str, Callable[[], subprocess.Popen[str] | None]] = {
        _IDLE: lambda: None,
        _OTHER: partial(_program, "hash", str(source)),
        _CLIENT: partial(_program, "store", str(source)),
        _UPLOAD: partial(_program, "upload", str(source), str(node.socket)),
    }
    answers = {name: _Answers() for name in work}
    resting = memory_of(node.pid, "VmRSS")
    for turn in range(-measuring.warm_ups, measuring.repeats):
        for name, start in work.items():
            change_file(source)
            measuring.quiet()
            pretouch(measuring.pretouched)
            into = answers[name] if turn >= 0 else _Answers()
            _watch(node, start(), into, sizes.idle_seconds)
            remove_large_files(node.storage, sizes.file)
    source.unlink()
    highest = memory_of(node.pid, "VmHWM")
    if highest is not None and resting is not None:
        answers[_UPLOAD].memory.append(float(highest - resting))
    return [_answer_table(answers, sizes), _memory_table(answers, sizes)]


def _program(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.one_store", *arguments]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline().strip() == "ready"
    return program


def _watch(
    node: RunningNode, program: subprocess.Popen[str] | None, into: _Answers, idle: float
) -> None:
    """Ask the server again and again until the program has ended, or for the idle time."""
    connection, headers = jupyter_connection(node.jupyter_port)
    with contextlib.closing(connection):
        _ask(connection, headers)
        if program is not None:
            assert program.stdin is not None
            program.stdin.write("go\n")
            program.stdin.flush()
        began = time.perf_counter()
        while (program is None and time.perf_counter() - began < idle) or (
            program is not None and program.poll() is None
        ):
            into.seconds.append(_ask(connection, headers))
            time.sleep(_PAUSE)
    if program is None:
        return
    said, _ = program.communicate()
    if program.returncode != 0:
        raise RuntimeError("The storing program failed; what it said is above.")
    seconds, memory = map(float, said.split())
    into.busy.append(seconds)
    if memory >= 0:
        into.memory.append(memory)


def _ask(connection: http.client.HTTPConnection, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    connection.request("GET", "/api/status", headers=headers)
    connection.getresponse().read()
    return time.perf_counter() - began


def _answer_table(answers: dict[str, _Answers], sizes: Sizes) -> Table:
    table = Table(
        f"Answers of Jupyter with an embedded node while {sizes.file / 1e9:g} GB is stored",
        ("meanwhile", "that took", "answers", "p50", "p99", "max"),
        note="`GET /api/status` every 3 ms over one connection; all runs of a row together.",
    )
    for name, answer in answers.items():
        took = duration(sorted(answer.busy)[len(answer.busy) // 2]) if answer.busy else ""
        figures = [duration(answer.at(part)) for part in (0.5, 0.99, 1.0)]
        table.rows.append((name, took, str(len(answer.seconds)), *figures))
    table.goals = [
        shorter(f"Jupyter's answers (p99) during {what}", answers[name].at(0.99), _MOST_SECONDS)
        for what, name in (("a client's 1 GB store", _CLIENT), ("a 1 GB upload", _UPLOAD))
    ]
    return table


def _memory_table(answers: dict[str, _Answers], sizes: Sizes) -> Table:
    table = Table(
        f"Memory of storing {sizes.file / 1e9:g} GB",
        ("what", "highest above idle"),
        note="Resident memory: the client's in its worst run, the server's over all runs.",
    )
    for what, name in (("the client's process", _CLIENT), ("Jupyter's process, upload", _UPLOAD)):
        if not answers[name].memory:
            table.rows.append((what, "not measured on this system"))
            continue
        most = max(answers[name].memory)
        table.rows.append((what, megabytes(most)))
        table.goals.append(
            Goal(
                f"memory of a 1 GB store, {what}",
                f"< {megabytes(_MOST_MEMORY)} above idle",
                megabytes(most),
                most < _MOST_MEMORY,
            )
        )
    return table
