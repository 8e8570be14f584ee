"""Processes that train as one: they meet, compare themselves, watch each other, and write once."""

import contextlib
import csv
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fnet.cli import launch
from fnet.core.movement import Movement
from fnet.devices import watch
from fnet.devices.lines import LONGEST, Line, address_of, dialled, free_port, listening
from fnet.devices.processes import Team, join, meet
from fnet.devices.watch import FAILED, LOST
from fnet.errors import ConfigurationError, WorkerError
from tests import together
from tests.cli.conftest import as_users, status_of


class Lost(list):
    """What processes said as they ended; a thread waits for so many of them."""

    def __init__(self):
        self.came = threading.Semaphore(0)

    def __call__(self, team, words, status):
        self.append((team.index, words, status))
        self.came.release()

    def wait(self, count):
        for _ in range(count):
            assert self.came.acquire(timeout=20), self
        return sorted(self)


@contextlib.contextmanager
def teams(count=3, before=lambda address: None, **options):
    """Teams of one run, each in a thread of its own in place of a process; and who ended."""
    address, lost = ("127.0.0.1", free_port()), Lost()
    with ThreadPoolExecutor(count) as threads:
        come = functools.partial(meet, address, count=count, jax_port=1, seconds=20.0, lost=lost)
        coming = [threads.submit(come, 0, **options)]
        before(address)
        coming += [threads.submit(come, i, **options) for i in range(1, count)]
        found = [team.result() for team in coming]

        def each(function):
            """function(team) in every one, at once: results, or what they raised."""
            done = [threads.submit(function, team) for team in found]
            return [future.exception() or future.result() for future in done]

        try:
            yield found, each, lost
        finally:
            for team in found:
                team.close()


def test_they_hear_what_each_gives():
    with teams() as (_, each, lost):
        assert each(lambda team: team.gather(team.index * 10)) == [[0, 10, 20]] * 3
        assert each(lambda team: team.gather([team.index, "ü"]))[1] == [
            [0, "ü"],
            [1, "ü"],
            [2, "ü"],
        ]
        assert each(lambda team: team.is_first) == [True, False, False]
        each(Team.leave)
    assert lost == []


def test_who_is_gone_after_the_end_is_not_missed(monkeypatch):
    """Though this process has not yet read the last answer."""
    with teams(2) as (found, each, lost):
        gather = found[1].watch.gather

        def late(*given, **options):
            answer = gather(*given, **options)
            assert not lost.came.acquire(timeout=0.5)
            return answer

        monkeypatch.setattr(found[1].watch, "gather", late)
        assert each(Team.leave) == [None, None]
    assert lost == []


def test_one_that_differs_is_refused_by_all_and_both_are_named():
    with teams() as (_, each, _):
        facts = {"--batch-size": 32, "jax": "0.10.2"}
        assert each(lambda team: team.agree(facts)) == [None] * 3
        errors = each(lambda team: team.agree(facts | {"--batch-size": 32 * (1 + team.index // 2)}))
    words = "--batch-size is 32 in process 0 and 64 in process 2; all processes must have the same"
    assert [(type(error), str(error)) for error in errors] == [(ConfigurationError, words)] * 3


def test_an_argument_that_one_lacks_is_a_difference():
    with teams(2) as (_, each, _):
        errors = each(lambda team: team.agree({"--l2": 0.1} if team.index else {}))
    assert "--l2 is None in process 0 and 0.1 in process 1" in str(errors[0])


def test_one_that_dies_ends_the_others_at_once():
    with teams() as (found, _, lost):
        found[1].close()  # as the system does for a process that was killed
        ended = lost.wait(2)
    words = "process 1 has died or hangs: its connection has closed"
    assert ended == [(0, words, LOST), (2, words, LOST)]


def test_process_0_that_dies_ends_the_others():
    with teams() as (found, _, lost):
        found[0].close()
        ended = lost.wait(2)
    words = "process 0 has died or hangs: its connection has closed"
    assert ended == [(1, words, LOST), (2, words, LOST)]


@pytest.mark.parametrize("silent", [0, 1])
def test_one_of_which_nothing_is_heard_ends_the_others(silent, monkeypatch):
    with teams(2, silence=1.5) as (found, _, lost):
        monkeypatch.setattr(found[silent].watch, "_send", lambda *_, **__: None)
        found[silent].watch.silence = 100
        (index, words, status), *_ = lost.wait(1)  # process 0 ends the silent one too
    assert (index, status) == (1 - silent, LOST)
    assert words == f"process {silent} has died or hangs: nothing has come from it for 1.5 s"


def test_whoever_was_away_itself_does_not_judge():
    """As after Ctrl-Z and fg, when all have been silent: here a heartbeat is late by itself."""
    with teams(2, silence=0.8 * watch.BEAT) as (_, each, lost):
        time.sleep(3 * watch.BEAT)
        assert each(lambda team: team.gather(team.index)) == [[0, 1]] * 2
        assert lost == []


def test_all_end_where_none_moves_and_where_each_stands_is_said(monkeypatch):
    monkeypatch.setattr(Movement, "moved", lambda *_: False)
    monkeypatch.setattr(watch, "BEAT", 0.05)  # so that each has heard of the other long before
    with teams(2, stuck=1.0) as (_, _, lost):
        ended = lost.wait(2)
    assert [status for _, _, status in ended] == [LOST] * 2
    assert ended[0][1] == ended[1][1]
    assert ended[0][1].startswith("no process has moved for 1 s: 0 at ")
    assert ", 1 at " in ended[0][1]


def test_a_main_thread_that_waits_does_not_move():
    def stands():
        movement = Movement()
        assert movement.moved(60.0)
        for _ in range(500):  # until the main thread has come to where it waits
            time.sleep(0.01)
            if not movement.moved(60.0):
                return True
        return False

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(stands).result()


def test_an_error_in_one_ends_the_others_with_its_words(monkeypatch):
    monkeypatch.setattr(watch, "GRACE", 0.1)
    with teams() as (found, _, lost):
        with contextlib.suppress(ValueError), found[2]:
            raise ValueError("houses.csv: there is no such file")
        ended = lost.wait(2)
    words = "process 2 has ended: houses.csv: there is no such file"
    assert ended == [(0, words, FAILED), (1, words, FAILED)]


def error_of(call):
    with pytest.raises((ConfigurationError, WorkerError)) as caught:
        call()
    return caught.type, str(caught.value)


def test_a_coordinator_where_nobody_listens():
    port = free_port()
    kind, words = error_of(lambda: meet(("127.0.0.1", port), 1, 2, 1, 0.5))
    assert kind is WorkerError
    assert words == (
        f"nobody answers at 127.0.0.1:{port} (Connection refused; tried for 0.5 s); start process "
        "0 there, or correct the coordinator"
    )


def test_a_coordinator_that_is_something_else():
    def serve(server):
        connection, _ = server.accept()
        connection.sendall(b"220 mail.example.org ESMTP\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        kind, words = error_of(lambda: meet(("127.0.0.1", server.getsockname()[1]), 1, 2, 1, 5.0))
    assert kind is ConfigurationError
    assert "is not process 0 of fnet; correct the coordinator" in words


def test_those_who_do_not_come_are_named():
    kind, words = error_of(lambda: meet(("127.0.0.1", free_port()), 0, 4, 1, 0.3))
    assert kind is WorkerError
    assert "process 1, 2, 3 of 4 did not come to 127.0.0.1:" in words
    assert "within 0.3 s" in words


@pytest.mark.parametrize(
    ("number", "count", "said"),
    [
        (1, 3, "process 1 is one of 3 processes, and process 0 is one of 2"),
        (0, 2, "there are two processes 0"),
    ],
)
def test_numbers_that_do_not_fit_end_both(number, count, said):
    address = ("127.0.0.1", free_port())
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(meet, address, 0, 2, 1, 20.0)
        line = Line(dialled(address, 20.0))
        assert line.receive() == {"fnet": "processes that train together"}
        line.send(process=number, processes=count)
        refused = line.receive()["refused"]
        line.close()
        assert str(first.exception()) == refused
    assert refused.startswith(said)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"x" * LONGEST + b"\n", b""])
def test_strangers_at_the_port_change_nothing(sent):
    def knock(address):
        with dialled(address, 20.0) as stranger, contextlib.suppress(OSError):
            stranger.sendall(sent)

    with teams(2, before=knock) as (_, each, _):
        assert each(lambda team: team.gather(team.index)) == [[0, 1]] * 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("10.0.0.1", 0, 2), "coordinator is '10.0.0.1'; it must be HOST:PORT"),
        (("h:70000", 0, 2), "coordinator is 'h:70000'; it must be HOST:PORT"),
        (("h:5000", 2, 2), "process is 2, of 2 processes; they are numbered from 0 to 1"),
        (("h:5000", None, 2), "process missing"),
        ((None, 0, None), "coordinator and processes missing"),
        (("h:5000", 0, 0), "processes"),
    ],
)
def test_arguments_that_are_no_place_in_a_team(given, said):
    kind, words = error_of(lambda: join(*given))
    assert kind is ConfigurationError
    assert said in words


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        kind, words = error_of(lambda: listening("127.0.0.1", port))
    assert kind is ConfigurationError
    assert f"coordinator 127.0.0.1:{port}: process 0 cannot listen there" in words


def test_a_name_of_this_machine_alone_is_not_open_to_others():
    with listening("localhost", free_port()) as server:
        assert server.getsockname()[0] == "127.0.0.1"
    with listening("node17", free_port()) as server:
        assert server.getsockname()[0] in ("::", "0.0.0.0")


def test_the_environment_of_slurm(monkeypatch):
    """Its variables as srun sets them; JAX derives the port from the number of the job."""
    from fnet.devices import processes

    slurm = {"JOB_ID": "123", "NTASKS": "4", "PROCID": "2", "LOCALID": "0"}
    slurm["STEP_NODELIST"] = "node[007-010]"
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    (host, port), process, count = processes._found("auto", None, None)
    assert (host, process, count) == ("node007", 2, 4)
    assert 61440 <= port < 65536


def test_no_cluster_is_said():
    _, words = error_of(lambda: join("auto"))
    assert "coordinator and process and processes missing" in words


def test_addresses():
    assert address_of("host:1") == ("host", 1)
    assert address_of("[fe80::1]:80") == ("fe80::1", 80)


ROOT = Path(__file__).parents[1]
LAST = 6  # epoch
TABLE = "train --data table.csv --target Kind --hidden 8 --batch-size 16".split()


def write_table(folder):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 3))
    kinds = np.where(rows[:, 0] + 0.5 * rng.normal(size=120) > 0, "large", "small")
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{kind}" for (a, b, c), kind in zip(rows, kinds, strict=True)]
    (folder / "table.csv").write_text("\n".join(["A,B,C,Kind", *lines]) + "\n")


def start(folder, words, module=("fnet",), port=None, only=None):
    """Two processes with two virtual devices each, or `only` one, that run in this folder."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    strict = ("JAX_ENABLE_X64", "JAX_NUMPY_DTYPE_PROMOTION")
    environment = {key: value for key, value in os.environ.items() if key not in strict}
    environment |= {"XLA_FLAGS": flags, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache")}
    where = f"127.0.0.1:{port or free_port()}"
    shared = [*words, "--coordinator", where, "--processes", "2"]
    return [
        subprocess.Popen(
            [sys.executable, "-m", *module, *shared, "--process", str(number)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        for number in ((0, 1) if only is None else (only,))
    ]


def history(folder):
    """All numbers of history.csv, a row per epoch."""
    with (folder / "history.csv").open() as file:
        return [[float(cell) for cell in row.values()] for row in csv.DictReader(file)]


def weights(folder):
    """All arrays of the checkpoint but its JSON."""
    with np.load(folder / "checkpoint.npz") as file:
        return {name: array for name, array in file.items() if not name.endswith(".json")}


class Pair(NamedTuple):
    """Two processes that have trained: what they said, and what they saw."""

    folder: Path
    said: list
    seen: list


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two processes with two devices each, started once; much is asked of them."""
    folder = tmp_path_factory.mktemp("pair")
    write_table(folder)
    words = [*TABLE, "--epochs", str(LAST), "--out", "run"]
    processes = start(folder, words, module=("tests.together", "seen"))
    said = [(*process.communicate(timeout=300), process.returncode) for process in processes]
    assert [status for *_, status in said] == [0, 0], said
    return Pair(folder, said, [json.loads((folder / f"seen-{i}.json").read_text()) for i in (0, 1)])


@pytest.fixture(scope="module")
def alone():
    """The same by one device of one process."""
    with as_users():
        return together.training(None)


def test_the_devices_of_all_processes_are_those_of_each(pair):
    assert [(seen["devices"], seen["own"]) for seen in pair.seen] == [(4, 2)] * 2


@pytest.mark.parametrize("how", ["resident", "streamed"])
def test_the_losses_are_those_of_one_device(pair, alone, how):
    for seen in pair.seen:
        metrics, _ = seen[how]
        assert len(metrics) == together.EPOCHS
        for many, one in zip(metrics, alone[0], strict=True):
            assert many == pytest.approx(one, rel=1e-6)


def test_all_processes_have_the_same_bits_run_after_run(pair):
    digests = {seen[how][1] for seen in pair.seen for how in ("resident", "again")}
    assert len(digests) == 1


def test_programs_that_do_not_wait_for_each_other_do_not_meet(pair):
    """Over gloo the messages of two programs at once were taken for each other's."""
    assert [all(each["sums"]) for each in pair.seen] == [True, True]


def test_each_process_reads_its_own_rows_alone(pair):
    """Half of every batch, of the order that one process would read."""
    own = [np.concatenate(seen["read"]) for seen in pair.seen]
    padded = -(-together.ROWS // together.BATCH) * together.BATCH
    assert [len(rows) for rows in own] == [padded // 2 * together.EPOCHS] * 2
    for epoch in range(together.EPOCHS):
        part = slice(epoch * padded // 2, (epoch + 1) * padded // 2)
        both = [set(rows[part].tolist()) for rows in own]
        assert both[0] | both[1] == set(range(together.ROWS))
        assert len(both[0] & both[1]) <= padded - together.ROWS  # rows that fill the last batch


def test_one_process_writes_and_speaks(pair):
    (out, err, _), (silent, quiet, _) = pair.said
    assert (silent, quiet, err) == ("", "", "")
    assert f"epoch {LAST}/{LAST}" in out
    assert "Gloo" not in out
    assert "written    run/" in out
    assert [path.name for path in pair.folder.glob("seen-drew-*")] == ["seen-drew-0"]
    assert [row[0] for row in history(pair.folder / "run")] == [*range(1, LAST + 1)]


def test_the_run_is_that_of_one_process(pair, monkeypatch, capsys):
    monkeypatch.chdir(pair.folder)
    monkeypatch.setattr("fnet.cli.train.tell_end", lambda *_: None)  # pictures take seconds
    with as_users():
        assert status_of([*TABLE, "--epochs", str(LAST), "--out", "alone"]) == 0
    capsys.readouterr()
    many, one = pair.folder / "run", pair.folder / "alone"
    np.testing.assert_allclose(history(many), history(one), rtol=1e-6)
    kinds = [{n: (a.dtype, a.shape) for n, a in weights(folder).items()} for folder in (many, one)]
    assert kinds[0] == kinds[1]


@pytest.mark.turns(4)
def test_other_data_are_refused_by_both(tmp_path):
    """After JAX has begun, which must not keep them from ending."""
    write_table(tmp_path)
    table = (tmp_path / "table.csv").read_text("utf-8")
    (tmp_path / "other.csv").write_text(table.replace("0.1", "0.2", 1), "utf-8")
    others = [word.replace("table", "other") for word in TABLE]
    port = free_port()
    both = [start(tmp_path, words, only=i, port=port)[0] for i, words in enumerate((TABLE, others))]
    said = [(*process.communicate(timeout=120), process.returncode) for process in both]
    assert said[0] == said[1]
    assert (said[0][0], said[0][2]) == ("", FAILED)
    assert "sha256 of the data is" in said[0][1]
    assert len(said[0][1].splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.turns(4)
def test_launch_starts_them_and_ends_as_they_do(tmp_path):
    write_table(tmp_path)
    words = [sys.executable, "-m", "fnet", "launch", "-n", "2", "--", *TABLE, "--out", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    run = functools.partial(subprocess.run, cwd=tmp_path, env=environment, capture_output=True)
    done = run([*words, "--epochs", "1"], text=True, check=True, timeout=300)
    assert done.stdout.count("epoch 1/1") == 1
    assert done.stderr.startswith("fnet: 2 processes")
    again = run([*words, "--epochs", "1"], text=True, check=False, timeout=300)
    assert again.returncode == FAILED
    assert "the folder already holds a run" in again.stderr


def test_launch_ends_those_that_outlive_one_that_failed(monkeypatch):
    """Also one that was started before it."""
    monkeypatch.setattr(launch, "GRACE", 0.0)
    does = ["import time; time.sleep(30)", "raise SystemExit(3)"]
    children = [subprocess.Popen([sys.executable, "-S", "-c", code]) for code in does]
    assert launch._awaited(children) == 3
    assert children[0].returncode == -signal.SIGKILL


def test_launch_starts_nothing_but_training(capsys):
    assert status_of(["launch", "-n", "3", "--", "data", "stats"]) == FAILED
    assert capsys.readouterr().err == (
        "fnet: fnet launch starts processes that train: fnet launch -n 3 -- train ...\n"
    )
