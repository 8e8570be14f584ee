"""Processes that train as one: they meet, compare themselves, watch each other, and write once."""

import contextlib
import functools
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fnet.devices.lines import LONGEST, Line, address_of, dialled, free_port, listening
from fnet.devices.processes import Team, join, meet
from fnet.devices.watch import FAILED, LOST
from fnet.errors import ConfigurationError, WorkerError


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
        ((index, words, status),) = lost.wait(1)
    assert (index, status) == (1 - silent, LOST)
    assert words == f"process {silent} has died or hangs: nothing has come from it for 1.5 s"


def test_all_end_where_none_moves_and_where_each_stands_is_said(monkeypatch):
    monkeypatch.setattr("fnet.devices.watch.Movement.moved", lambda self: False)
    with teams(2, stuck=1.0) as (_, _, lost):
        ended = lost.wait(2)
    assert [status for _, _, status in ended] == [LOST] * 2
    assert ended[0][1] == ended[1][1]
    assert ended[0][1].startswith("no process has moved for 1 s: 0 at ")
    assert ", 1 at " in ended[0][1]


def test_an_error_in_one_ends_the_others_with_its_words():
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
