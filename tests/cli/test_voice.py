"""Progress, and output for people, for programs and with --quiet."""

import json
import subprocess

import pytest

from fnet.cli import main, progress, voice
from fnet.cli.progress import clock, show
from fnet.cli.train import DEFAULTS
from fnet.cli.voice import Voice
from fnet.training.records import NOTHING, Record


def record(epoch, accuracy=0.25):
    metrics = {"train_loss": 1.25, "train_accuracy": 0.5, "val_loss": 1.75}
    return Record(epoch, None, None, {**metrics, "val_accuracy": accuracy}, None, {}, NOTHING)


@pytest.fixture
def time(monkeypatch):
    """A clock that advances by two seconds at each reading."""
    moments = iter(range(0, 1000, 2))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(moments))


def test_a_bar_fits_in_80_columns(monkeypatch, capsys, time):
    monkeypatch.setattr(voice, "interactive", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    records = [record(98), record(99)]
    assert list(show(iter(records), 400, 0, 100, Voice())) == records
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("epoch 99/100 ")
    assert line.endswith("loss 1.2500  val 1.7500 25.0%  200 steps/s  0:02 left")
    assert len(line) <= 80
    assert "━━━" in line


def test_lines_tell_the_pace_from_the_second_on(capsys, time):
    list(show(iter([record(1), record(2), record(3)]), 50, 0, 4, Voice()))
    words = "train loss 1.2500  accuracy 50.0%  val loss 1.7500  accuracy 25.0%"
    assert capsys.readouterr().out.splitlines() == [
        f"epoch 1/4  {words}",
        f"epoch 2/4  {words}  25 steps/s  0:04 left",
        f"epoch 3/4  {words}  25 steps/s  0:02 left",
    ]


def test_at_most_so_many_lines(capsys, time):
    list(show(map(record, range(1, 101)), 1, 0, 100, Voice()))
    assert len(capsys.readouterr().out.splitlines()) == progress.LINES


def test_json_has_every_epoch(capsys, time):
    list(show(map(record, range(1, 101)), 50, 0, 100, Voice(json=True)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 101))
    assert lines[0]["steps_per_second"] is None
    assert (lines[1]["steps_per_second"], lines[1]["seconds_left"]) == (25.0, 98 * 2)


def test_what_is_not_finite_is_null_in_json(capsys):
    Voice(json=True).tell("epoch", (), {"loss": float("nan"), "all": [{"x": float("inf")}, 1.5]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "event": "epoch", "loss": None, "all": [{"x": None}, 1.5],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


PHOTOS = "--data photos --hidden 8 --epochs 2".split()


def test_quiet_says_what_was_reached_where_and_what_is_next(inside):
    result = inside("train", *PHOTOS, "--quiet", "--out", "quiet")
    assert result.status == 0
    heads = ["reached", "always", "written", "next"]
    assert [line.split()[0] for line in result.out.splitlines()] == heads


def test_json_is_an_object_a_line(inside, shell):
    result = inside("train", *PHOTOS, "--json", "--out", "as-json")
    start, *epochs, end = map(json.loads, result.out.splitlines())
    assert (start["event"], end["event"]) == ("start", "end")
    assert start["samples"] == {"train": 54, "val": 18, "test": 18}
    assert [(line["event"], line["epoch"]) for line in epochs] == [("epoch", 1), ("epoch", 2)]
    metrics = json.loads((shell.home / "as-json/metrics.json").read_text("utf-8"))
    assert metrics.items() <= end.items()


def test_how_it_was_said_is_no_setting_of_the_run(inside, shell):
    for name in ("quiet", "as-json"):
        if not (shell.home / name).exists():
            inside("train", *PHOTOS, "--quiet" if name == "quiet" else "--json", "--out", name)
        config = json.loads((shell.home / name / "config.json").read_text("utf-8"))
        facts = {"thresholds", "classes", "samples", "sha256", "fnet"}
        assert set(config) == {*DEFAULTS, *facts}


def test_evaluate_as_json_and_quiet(inside, run):
    (end,) = map(json.loads, inside("evaluate", "run", "--json").out.splitlines())
    assert end["accuracy"] == run.metrics["test_accuracy"]
    assert sum(map(sum, end["confusion"])) == end["samples"] == 18
    quiet = inside("evaluate", "run", "--quiet").out
    reached = f"accuracy   {run.metrics['test_accuracy']:.1%}; always saying 'blue' gives 33.3%"
    assert quiet.splitlines()[0] == reached
    assert len(quiet.splitlines()) == 2


def test_quiet_or_json(shell, inside):
    assert "not allowed with" in shell.refuses("train", "--quiet", "--json", call=inside)


def test_no_colours_where_nobody_watches(shell):
    assert "\x1b" not in shell("train", *PHOTOS, "--out", "plain").out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("fnet sw", {"sweep"}),
        ("fnet train --optimizer a", {"adam"}),
        ("fnet train --ba", {"--batch-size"}),
        ("fnet evaluate pho", {"photos"}),
        ("fnet data d", {"download"}),
    ],
)
def test_completion_in_bash(capsys, shell, words, completed):
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    script = capsys.readouterr().out
    count = len(words.split()) - 1
    ask = f"COMP_WORDS=({words}); COMP_CWORD={count}; _shtab_fnet; echo ${{COMPREPLY[@]}}"
    out = subprocess.run(
        ["bash", "-c", f"{script}\n{ask}"],
        cwd=shell.home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(out.stdout.split()) == completed
