"""A certificate differs where what was run differs, and nowhere else; the sample rotates."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests import certificates, memory, passed
from tests.compilation import _put
from tests.sample import Proof, Sample

ROOT = Path(__file__).parents[1]
CODE = '"""A file."""\n\n\ndef f(x):\n    """Of x."""\n    return x + 1  # more\n'
SAME = ["def f(x): return (x + 1)\n", CODE.replace("Of x", "Of this"), CODE.replace("# more", "")]
OTHER = [CODE.replace("+", "-"), CODE.replace("1", "2"), CODE + "g = f\n", CODE.replace("f(", "h(")]


@pytest.fixture(autouse=True)
def nothing_passed(tmp_path, monkeypatch):
    monkeypatch.setattr(passed, "CERTIFICATE", tmp_path / "none")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes files, and has them looked for in this folder, as they are now."""
    monkeypatch.setattr(certificates, "ROOT", tmp_path)

    def write(**files):
        for name, content in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        for kept in vars(certificates).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
        return tmp_path

    yield write
    write()


def test_words_and_layout_are_no_code(written):
    def digest(content):
        return certificates.digest([written(a=content) / "a.py"])

    expected = digest(CODE)
    assert all(digest(content) == expected for content in SAME)
    assert len({expected, *map(digest, OTHER)}) == 1 + len(OTHER)


def test_of_a_package_counts_what_is_used_of_it(written):
    files = {
        "fnet__layers__init": "",
        "fnet__layers__relu": "from fnet.core import layer\ndef relu(): pass\n",
        "fnet__layers__tanh": "def tanh(): pass\n",
        "fnet__core": "def layer(): pass\n",
    }
    root = written(**files)
    (root / "fnet/layers/init.py").rename(root / "fnet/layers/__init__.py")
    (root / "fnet/layers/__init__.py").write_text(
        "from fnet.layers.relu import relu as relu\nfrom fnet.layers.tanh import tanh\n"
    )
    (root / "fnet/__init__.py").write_text("from fnet import layers\n")

    def needed(text):
        root = written(user=text)
        found = certificates.sources([root / "user.py"]) - {root / "user.py"}
        return sorted(str(path.relative_to(root)) for path in found)

    of_relu = ["fnet/core.py", "fnet/layers/relu.py"]
    everything = ["fnet/core.py", *(f"fnet/layers/{n}.py" for n in ("__init__", "relu", "tanh"))]
    assert needed("from fnet.layers import relu") == of_relu
    assert needed("def f():\n    from fnet import layers as some\n    some.relu()") == of_relu
    assert needed("import fnet.layers.relu") == of_relu
    assert needed("from fnet import layers\nprint(vars(layers))") == everything
    assert needed("import numpy") == []


def test_what_is_stale_and_what_a_commit_says_it_proved(tmp_path, monkeypatch):
    path = tmp_path / "certificate.json"
    monkeypatch.setattr(certificates, "ROOT", tmp_path)
    now = {"a": "1 with jax 1", "b": "2 with jax 1", "new": "3 with jax 1"}
    certificates.write(path, {"a": "1 with jax 1", "b": "0 with jax 1"})
    assert certificates.stale(path, now) == ["b", "new"]
    later = {row: proved.replace("jax 1", "jax 2") for row, proved in now.items()}
    assert certificates.stale(path, later) == ["a", "b", "new"]
    assert certificates.stale(path, later, versions=False) == ["b", "new"]
    assert certificates.of_other_versions(path)
    assert certificates.renewed(path) == {"a", "b"}  # in no repository
    monkeypatch.setattr(certificates, "git", lambda *words: json.dumps({"a": "1 with jax 1"}))
    assert certificates.renewed(path) == {"b"}


def test_the_sample_rotates_and_a_seed_repeats_it(tmp_path, monkeypatch):
    monkeypatch.setattr(certificates, "ROOT", tmp_path)
    names = [f"row {number}" for number in range(50)]
    marked = [
        row(name, Proof(5, tmp_path / "none", lambda: names[:9], of_stale=2)) for name in names
    ]

    sampled = functools.partial(names_of_sample, marked)

    assert sampled(1) == sampled(1) != sampled(2)
    assert all(5 <= len(sampled(seed)) <= 7 for seed in range(9))
    assert all(len(set(sampled(seed)) & set(names[:9])) >= 2 for seed in range(9))
    assert set(names) == {name for seed in range(99) for name in sampled(seed)}
    assert set(names[:9]) < set(sampled(1, long_changed=True)) < set(names)
    assert sampled(1, long=True) == names


def test_a_law_has_its_turn_in_one_run_of_three_unless_it_is_asked_for():
    names = [f"row {number}" for number in range(50)]
    sampled = functools.partial(names_of_sample, [row(name, 3, "turns") for name in names])
    assert sampled(1) == sampled(1) != sampled(2)
    assert all(5 < len(sampled(seed)) < 30 for seed in range(9))
    assert set(names) == {name for seed in range(99) for name in sampled(seed)}
    for asked in ({"long": True}, {"keyword": "row"}):
        assert sampled(1, **asked) == names


def test_what_is_said_in_the_environment_reaches_the_workers(tmp_path):
    rows = "import pytest\n@pytest.mark.turns(5)\n@pytest.mark.parametrize('n', range(40))\n"
    (tmp_path / "test_rows.py").write_text(f"{rows}def test_row(n): pass\n", "utf-8")
    words = "-q -n 1 -p tests.conftest -p no:cacheprovider -c /dev/null --rootdir".split()
    command = [sys.executable, "-m", "pytest", *words, str(tmp_path), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "--long"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "40 passed" in run.stdout, run.stdout + run.stderr


def names_of_sample(marked, seed, source=pytest.Config.ArgsSource.TESTPATHS, **options):
    plain = {"long": False, "long_changed": False, "keyword": "", "certify": False}
    option = SimpleNamespace(**plain | options, sample_seed=seed)
    hook = SimpleNamespace(pytest_deselected=lambda items: None)
    config = SimpleNamespace(
        option=option, hook=hook, args_source=source, addinivalue_line=lambda *words: None
    )
    items = [*marked]
    Sample(config).pytest_collection_modifyitems(config, items)
    return [item.callspec.params["name"] for item in items]


class Item(SimpleNamespace):
    __hash__ = object.__hash__


def row(name, argument, marker="proof"):
    """A test of a row, as far as the sample looks at it."""
    return Item(
        nodeid=f"test[{name}]",
        callspec=SimpleNamespace(params={"name": name}),
        get_closest_marker=lambda kind: (
            SimpleNamespace(args=(argument,)) if kind == marker else None
        ),
    )


def test_a_file_that_passed_takes_turns_until_what_it_depends_on_changes(written, monkeypatch):
    root = written(
        tests__test_a="from tests.helper import one\n",
        tests__helper="from fnet.layers import relu as one\n",
        tests__test_b="import subprocess\n",
        tests__test_c="README = 1\n",
        fnet__layers="def relu(): pass\n",
        fnet__other="",
    )
    (root / "tests/recorded").mkdir()
    monkeypatch.setattr(passed, "ROOT", root)
    (root / "tests/passed").mkdir()
    monkeypatch.setattr(passed, "CERTIFICATE", root / "tests/passed/certificate.json")

    def unchanged():
        passed._text.cache_clear()
        return passed.unchanged()

    assert unchanged() == set()
    plugin = passed.Certify()
    for name in ("test_a", "test_b", "test_c", "helper"):
        outcome = "failed" if name == "helper" else "passed"
        report = SimpleNamespace(nodeid=f"tests/{name}.py::test", outcome=outcome)
        plugin.pytest_runtest_logreport(report)
    plugin.pytest_sessionfinish(pytest.ExitCode.TESTS_FAILED)
    assert unchanged() == {"tests/test_a.py", "tests/test_b.py", "tests/test_c.py"}
    (root / "README.md").write_text("Words\n", "utf-8")
    assert unchanged() == {"tests/test_a.py", "tests/test_b.py"}
    written(fnet__other="x = 1\n")
    assert unchanged() == {"tests/test_a.py"}
    written(fnet__layers="def relu(): return 1\n")
    assert unchanged() == set()

    written(fnet__layers="def relu(): pass\n")
    items = [row(str(number), None, "none") for number in range(50)]
    for item in items:
        item.nodeid = f"tests/test_a.py::test[{item.nodeid}]"
    sampled = functools.partial(names_of_sample, items)
    passed._text.cache_clear()
    assert sampled(1) == sampled(1) != sampled(2)
    assert all(0 < len(sampled(seed)) < 15 for seed in range(9))
    everything = [str(number) for number in range(50)]
    for asked in ({"long": True}, {"keyword": "row"}, {"certify": True}, {"source": "args"}):
        assert sampled(1, **asked) == everything


@pytest.mark.parametrize(
    ("files", "gigabytes", "cores"),
    [
        ({}, 4, 2),  # of meminfo alone
        ({"memory.max": "2000000000", "memory.current": "100000000"}, 1.9, 1),
        ({"memory.max": "max", "memory.current": "7"}, 4, 2),
        ({"cpu.max": "150000 100000"}, 4, 1),
        ({"cpu.max": "max 100000"}, 4, 2),
    ],
)
def test_there_are_as_many_workers_as_cores_and_memory_for(
    monkeypatch, tmp_path, files, gigabytes, cores
):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    words = memory._words
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(
        memory,
        "_words",
        lambda path: "MemAvailable: 3906250 kB" if path.name == "meminfo" else words(path),
    )
    monkeypatch.setattr(memory.os, "sched_getaffinity", lambda pid: range(4), raising=False)
    assert memory._available() == gigabytes * 1e9
    assert memory.worker_count() == cores


def test_a_program_is_seen_when_it_is_whole(tmp_path, monkeypatch):
    content, seen = np.random.default_rng(0).bytes(10**6), []
    replace = type(tmp_path).replace

    def replaced(path, target):
        seen.append((path.read_bytes(), target.exists()))
        return replace(path, target)

    monkeypatch.setattr(type(tmp_path), "replace", replaced)
    for _ in range(2):
        _put(SimpleNamespace(path=tmp_path), "key", content)
    assert seen == [(content, False)]
    assert [path.name for path in tmp_path.iterdir()] == ["key-cache"]
    assert (tmp_path / "key-cache").read_bytes() == content
