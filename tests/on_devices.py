"""What several virtual devices of a CPU do, in a process of its own: JAX makes them at its start.

    python -m tests.on_devices NAME ...

prints a line of JSON, (name, result), for each function of that name, or row of the law.
"""

import collections
import contextlib
import functools
import importlib
import importlib.util
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from fnet import data, devices, losses, models, optimizers, solvers, training
from fnet.checkpoint import Checkpoint, load, previous, save
from fnet.cli import main, spread
from fnet.compose import low_rank, serial
from fnet.core import Layer, across, layer
from fnet.core.trees import nbytes
from fnet.data import augment
from fnet.data.augmentation import brightness, crop, flip, mixup
from fnet.devices import shards
from fnet.devices.dividing import divided, is_known
from fnet.devices.placements import HERE, placement_of
from fnet.errors import CheckpointError
from fnet.files.npz import read_npz
from fnet.layers import affine, batch_norm, relu
from fnet.training.feeding import example_shape

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(46, 8, 8, 2)).astype(np.float32)
LABELS = (IMAGES.mean((1, 2, 3)) > 0).astype(int)
ROWS = data.memory({"x": IMAGES.reshape(46, -1), "label": LABELS})
PHOTOS = data.memory({"image": IMAGES, "label": LABELS})
TEXT = RNG.integers(0, 11, (22, 9))
TEXTS = data.memory({"tokens": TEXT[:, :-1], "next": TEXT[:, 1:]})

SENT = r"(all-[a-z]+|reduce-scatter|collective-permute)(?:-start)?\("
ENTROPY, ADAM = losses.cross_entropy(), optimizers.adam(0.01)
KINDS: dict[str, Any] = {
    "mlp": (models.classification_net(2, hidden=16), ROWS),
    "noisy": (models.convnet(2, widths=(4,), rate=0.3), PHOTOS),
    "transformer": (models.transformer(11, width=8, blocks=2, heads=2, dropout=0.2), TEXTS),
    "normed": (serial(affine(4, axes=1), batch_norm(), relu(), affine(2)), PHOTOS),
    "deep": (models.classification_net(2, hidden=16, layers=7), ROWS),
}


def trained(kind: str, mesh: Any = None, epochs: int = 3, **more: Any) -> Any:
    """The last record, and the loss of each epoch."""
    model, dataset = KINDS[kind]
    optimizer = more.pop("optimizer", optimizers.adam(0.01))
    more = {"epochs": epochs, "batch_size": 8, "mesh": mesh, **more}
    records = list(training.fit(model, ENTROPY, optimizer, dataset, **more))
    return records[-1], [r.metrics["train_loss"] for r in records]


def off(kind: str, mesh: Any, **more: Any) -> float:
    """By how much, relatively, losses of epochs differ from those of one device."""
    of_one, of_many = _alone(kind), trained(kind, mesh, **more)[1]
    return float(np.max(np.abs(np.array(of_many) / of_one - 1)))


@functools.cache
def _alone(kind: str) -> np.ndarray:
    return np.array(trained(kind)[1])


def mlp() -> list[float]:
    return [off("mlp", devices.mesh(count)) for count in (1, 2, 4)]


def noisy() -> list[float]:
    return [off("noisy", devices.mesh(2))]


def transformer() -> list[float]:
    return [off("transformer", devices.mesh(2))]


def normed() -> list[float]:
    return [off("normed", devices.mesh(2))]


def augmented() -> list[float]:
    """Images changed at random, each as on one device."""
    more = {"augmentation": augment(flip(), crop(1), brightness(0.2), mixup(0.5))}
    one, many = (trained("noisy", mesh, **more)[1] for mesh in (None, devices.mesh(2)))
    return [float(np.max(np.abs(np.array(many) / one - 1)))]


def rows_divided() -> list[float]:
    return [off("mlp", devices.placement(devices.mesh(4), data="rows"))]


def held() -> dict[str, Any]:
    """Rows that go straight to their devices: what is put there, and what is asked of a memory."""
    place = devices.placement(devices.mesh(4), data="rows")
    x = IMAGES.reshape(46, -1).copy()
    dataset = data.memory({"x": x, "label": LABELS})
    sizes, put = [], jax.device_put

    def seen(leaf: Any, *where: Any) -> Any:
        sizes.append((type(leaf).__name__, len(leaf)))
        return put(leaf, *where)

    with mock.patch.object(jax, "device_put", seen), mock.patch.object(jnp, "array", None):
        there, spread = training.feeding.on_devices(dataset, place)
    array = there.arrays["x"]
    before = np.asarray(array)
    x[:] = 0  # its owner may change it
    # On a CPU a memory holds all four quarters: as much as the set, which is half of what is free.
    free = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(dataset.arrays))
    fits = []
    for each in (place, devices.placement(devices.mesh(4))):
        with mock.patch.object(training.feeding, "free_bytes", return_value=free):
            fits.append(training.feeding.on_devices(dataset, each)[1].data)
    return {
        "put": sizes,
        "shards": [list(shard.data.shape) for shard in array.addressable_shards],
        "right": bool((before[:46] == IMAGES.reshape(46, -1)).all()) and equal(array, before),
        "fits": [spread.data, *fits],
    }


def solved() -> list[float]:
    """A solver, of samples that four devices do not divide: the steps of one device."""
    model = models.logistic_regression(l2=0.1)
    dataset = data.memory({"x": IMAGES.reshape(46, -1)[:, :5], "label": LABELS})
    arguments = (model, losses.bce(), solvers.lbfgs(), dataset)
    found = [
        [*training.descend(*arguments, epochs=3, mesh=mesh)][-1].history["train_loss"]
        for mesh in (None, devices.mesh(4))
    ]
    return [float(np.max(np.abs(found[0] / found[1] - 1)))]


def streamed() -> list[float]:
    """Of data that is read batch by batch, and does not fill its last one."""
    held, training.feeding.SHARE = training.feeding.SHARE, 0.0
    try:
        return [off("mlp", devices.mesh(4))]
    finally:
        training.feeding.SHARE = held


def columns() -> dict[str, Any]:
    """Parameters divided over half of the devices."""
    record, found = trained("mlp", devices.mesh(4, model=2))
    w = record.state.params[0].w
    by_rows = devices.placement(devices.mesh(4), rule=lambda path, shape: jax.P(("data", "none")))
    taken = [
        compiled("mlp", devices.mesh(4, model=model)).memory_analysis().argument_size_in_bytes
        for model in (1, 4)
    ]
    return {
        "state": taken[0] - taken[1],
        "off": float(np.max(np.abs(np.array(found) / _alone("mlp") - 1))),
        "off_by_rows": off("mlp", by_rows),
        "part": list(w.addressable_shards[0].data.shape),
        "moment": list(record.state.opt_state.m[0].w.addressable_shards[0].data.shape),
    }


def drawn() -> dict[str, Any]:
    """First weights that each device draws in part: their bits, and the bytes that it takes."""
    place = devices.placement(devices.mesh(4, model=4))
    same = {}
    adapted = low_rank(models.classification_net(2, hidden=16), 2), ROWS
    for name, (model, dataset) in {**KINDS, "adapted": adapted}.items():
        begin = functools.partial(training.records.start, model, ADAM, example_shape(dataset))
        one, many = (begin(placement=each).state for each in (HERE, place))
        same[name] = jax.tree.all(jax.tree.map(equal, one, many))
    programs, jit = [], jax.jit

    def seen(function: Any, **more: Any) -> Any:
        programs.append(jit(function, **more))
        return programs[-1]

    wide = models.classification_net(2, hidden=4096)
    with mock.patch.object(jax, "jit", seen):
        state = training.records.start(wide, ADAM, (128,), placement=place).state
    memory = programs[-1].lower().compile().memory_analysis()
    taken = memory.output_size_in_bytes + memory.temp_size_in_bytes
    return {"same": same, "of_all": taken / nbytes(state), "programs": len(programs)}


def descended() -> list[float]:
    """Full batches, of samples that the devices do not divide, with validation."""
    model, dataset = KINDS["mlp"]
    parts = data.split(dataset, {"train": 0.7, "val": 0.3})
    optimizer = optimizers.adam(0.01)
    found = [
        [*training.descend(model, ENTROPY, optimizer, *parts.values(), epochs=9, mesh=mesh)][-1]
        for mesh in (None, devices.mesh(4))
    ]
    one, many = (np.array([*record.history.values()]) for record in found)
    return [float(np.max(np.abs(one / many - 1)))]


def swept() -> list[float]:
    """Three runs over four devices in one loop, and each over all devices."""
    model, dataset = KINDS["mlp"]
    several = {"learning_rates": (0.1, 0.01, 0.001), "epochs": 2, "batch_size": 8}
    several |= {"optimizer": optimizers.adam(0.01), "val": dataset}
    found = []
    for mesh, together in ((None, True), (devices.mesh(4), True), (devices.mesh(4), False)):
        more = {**several, "mesh": mesh, "together": together}
        *_, records = training.sweep(model, ENTROPY, train=dataset, **more)
        found.append([[*record.metrics.values()] for record in records])
    one, *many = map(np.array, found)
    return [float(np.max(np.abs(each / one - 1))) for each in many]


def half() -> list[float]:
    """Gradients added in 16 bits; and where the mesh has another axis, of 2 and of 1."""
    meshes = devices.mesh(4), devices.mesh(4, model=2), jax.make_mesh((4, 1), ("data", "other"))
    return [off("mlp", devices.placement(mesh, reduced="bfloat16")) for mesh in meshes]


def narrow_rows() -> bool:
    """Rows in 16 bits that are sent where they are used, over a mesh with another axis."""
    place = devices.placement(devices.mesh(4, model=2), data="rows")
    x = jnp.asarray(IMAGES.reshape(46, -1), jnp.bfloat16)
    taken = jax.jit(place.taken)(place.arrays(x), place.order(np.arange(4)[None])[0])
    return equal(taken, x[:4])


def accumulated() -> dict[str, Any]:
    """Gradients of three steps, added up once; the last three are not full when an epoch ends."""
    optimizer = optimizers.accumulate(optimizers.adam(0.01), 3)
    model = models.classification_net(2, hidden=16, l2=0.01)
    KINDS["penalized"] = model, ROWS
    one, many = (
        trained("penalized", mesh, optimizer=optimizer)[1] for mesh in (None, devices.mesh(4))
    )
    text = program("penalized", devices.mesh(4), optimizer)
    reduced = re.findall(r"= (.*?) all-reduce(?:-start)?\(", text)
    return {
        "off": float(np.max(np.abs(np.array(many) / one - 1))),
        "of_weights": sum("[2098]" in shapes for shapes in reduced),  # all of them, as one vector
        "in_a_branch": len(re.findall(r"conditional\(", text)),
    }


def same_bits() -> list[bool]:
    """Of a run, its repetition, and one that was stopped and continued on as many devices."""
    first, again = (trained("mlp", devices.mesh(4))[0].state for _ in range(2))
    before = jax.tree.map(np.asarray, trained("mlp", devices.mesh(4), epochs=1)[0])
    after = trained("mlp", devices.mesh(4), resume=before)[0].state
    return [
        bool(jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), first, each)))
        for each in (again, after)
    ]


def resumed() -> list[float]:
    """Begun on four devices, ended on one; and the other way round."""
    found = []
    for begin, end in ((devices.mesh(4), None), (None, devices.mesh(4))):
        before, losses_before = trained("mlp", begin, epochs=1)
        before = jax.tree.map(np.asarray, before)  # as a checkpoint has it
        after = trained("mlp", end, resume=before)[1]
        found.append(float(np.max(np.abs(np.array(losses_before + after) / _alone("mlp") - 1))))
    return found


def resumed_at_once() -> list[list[int]]:
    """On how many devices the weights are, of a record of four that is not from a checkpoint."""
    before = trained("mlp", devices.mesh(4, model=2), epochs=1)[0]

    def devices_of(run: Any, mesh: Any) -> int:
        more = {"epochs": 2, "resume": before, "mesh": mesh}
        *_, record = run(KINDS["mlp"][0], ENTROPY, ADAM, ROWS, **more)
        return int(record.state.params[0].w.sharding.num_devices)

    meshes = None, devices.mesh(1), devices.mesh(2)
    return [[devices_of(run, mesh) for mesh in meshes] for run in (training.fit, training.descend)]


def divided_checkpoints() -> dict[str, Any]:
    """Saved where parameters are divided, and resumed: on as many devices, on fewer, on none."""
    half = devices.mesh(4, model=2)
    record, before = trained("mlp", half, epochs=1)
    found: dict[str, Any] = {"off": {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.npz")
        save(path, checkpoint_of(record))
        files = [str(file.relative_to(folder)) for file in Path(folder).rglob("*")]
        found["parts"] = sum("/c." in name for name in files)
        found["whole"] = [name for name in read_npz(path.open("rb")) if ".w" in name]
        for name, mesh in {"same": half, "four": devices.mesh(4), "one": None}.items():
            loaded = load(path, mesh=mesh).record
            last, after = trained("mlp", mesh, resume=loaded)
            found["off"][name] = float(np.max(np.abs(np.array(before + after) / _alone("mlp") - 1)))
            if name == "same":
                whole = trained("mlp", half)[0]
                found["bits"] = all(map(equal, *map(jax.tree.leaves, (whole.state, last.state))))
                w = loaded.state.params[0].w
                found["read"] = [list(w.shape), list(w.addressable_shards[0].data.shape)]
        found["bits_of_one"] = equal(loaded.best.params[0].w, record.best.params[0].w)
    return found


def kept_checkpoints() -> dict[str, Any]:
    """Which parts stay as one save follows the other, and what is said of damaged ones."""
    half = devices.mesh(4, model=2)
    record, _ = trained("mlp", half, epochs=1)
    model, shape = KINDS["mlp"][0], (128,)
    fresh = training.start(model, ADAM, shape)
    said: dict[str, Any] = {"folders": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.npz")

        def error() -> str:
            try:
                load(path)
            except CheckpointError as error:
                return str(error).replace(folder, "")
            return ""

        for each in (record, record, record, fresh):
            Path(folder, "run.shards", "killed").mkdir(parents=True)  # as it was saving
            save(path, checkpoint_of(each))
            said["folders"].append(len([*Path(folder, "run.shards").glob("*")]))
        said["previous"] = equal(
            load(previous(path)).record.state.params[0].w, record.state.params[0].w
        )
        copy = shutil.copy(previous(path), Path(folder, "best.npz"))
        np.savez(Path(folder, "data.npz"), x=np.ones(3))
        save(path, checkpoint_of(fresh))
        said["copy"] = equal(load(copy).record.state.params[0].w, record.state.params[0].w)
        Path(copy).unlink()
        save(path, checkpoint_of(fresh))
        said["folders"].append(Path(folder, "run.shards").exists())
        save(path, checkpoint_of(record))
        full = OSError(28, "No space left on device")
        for place, name in {"parts": "write", "file": "require_all"}.items():
            with mock.patch.object(shards, name, side_effect=full):
                try:
                    save(path, checkpoint_of(record))
                except CheckpointError as failure:
                    said[place] = str(failure).replace(folder, "")
        said["folders"].append(len([*Path(folder, "run.shards").glob("*")]))
        late = mock.patch("fnet.checkpoint._clear", side_effect=full)  # the file is there already
        with late, contextlib.suppress(CheckpointError):
            save(path, checkpoint_of(record))
        said["late"] = equal(load(path).record.state.params[0].w, record.state.params[0].w)
        said["intact"] = equal(load(path).record.state.params[0].w, record.state.params[0].w)
        now = json.loads(read_npz(path.open("rb"))["config.json"].tobytes())["parts"]["folder"]
        part = Path(folder, now, "0", "c.0.0")
        content = part.read_bytes()
        part.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
        said["changed"] = error()
        part.write_bytes(content)
        shards._package.cache_clear()
        with mock.patch.object(importlib, "import_module", side_effect=ImportError):
            said["extra"] = error()
        part.unlink()
        said["missing"] = error()
        shutil.rmtree(Path(folder, "run.shards"))
        said["gone"] = error()
        with mock.patch.object(importlib.util, "find_spec", return_value=None):
            save(path, checkpoint_of(record))
        said["without"] = equal(load(path).record.state.params[0].w, record.state.params[0].w)
    return said


def checkpoint_of(record: Any) -> Checkpoint:
    return Checkpoint(KINDS["mlp"][0], ENTROPY, ADAM, (128,), record)


def equal(a: Any, b: Any) -> bool:
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


def reductions() -> dict[str, list[list[str]]]:
    """What devices send each other for models of two and of seven layers."""
    return {kind: sent(kind) for kind in ("mlp", "deep")}


def reductions_of_blocks() -> list[list[str]]:
    return sent("transformer")


def arrays() -> list[int]:
    """How many arrays are added up in a step of two and of seven layers."""
    texts = [program(kind, devices.mesh(4)) for kind in ("mlp", "deep")]
    return [re.search(r" all-reduce(?:-start)?\((.*?)\)", text)[1].count("%") for text in texts]


def sent(kind: str) -> list[list[str]]:
    """What devices send each other in a step, and outside of steps, by the compiled program."""
    return [re.findall(SENT, text) for text in program(kind, devices.mesh(4)).split("\nENTRY ")]


def on_one() -> bool:
    """The program of a mesh of one device has the operations of one without a mesh."""
    one, none = (operations(program("mlp", mesh)) for mesh in (devices.mesh(1), None))
    return one == none


def operations(text: str) -> collections.Counter[str]:
    found = collections.Counter(re.findall(r"= (?:\([^=]*?\)|\S+) ([a-z\-]+)\(", text))
    del found["get-tuple-element"]
    return found


def program(kind: str, mesh: Any, optimizer: Any = ADAM) -> str:
    return str(compiled(kind, mesh, optimizer).as_text())


def compiled(kind: str, mesh: Any, optimizer: Any = ADAM) -> Any:
    (model, dataset), place = KINDS[kind], placement_of(mesh)
    epoch = training.make_epoch(model, ENTROPY, optimizer, placement=place)
    record = training.start(model, optimizer, dataset[0][dataset.fields[0]].shape)
    arrays = [place.arrays(jnp.array(a)) for a in dataset.arrays.values()]
    order = place.order(np.arange(16, dtype=np.int32).reshape(2, 8))
    return epoch.lower(place.state(record.state), *arrays, order, jax.random.key(0)).compile()


def predictions() -> list[float]:
    model, dataset = KINDS["mlp"]
    params, _ = model.init(jax.random.key(0), (128,))
    one, many = (
        training.predict(model, ENTROPY, params, dataset, mesh=mesh)
        for mesh in (None, devices.mesh(4))
    )
    figures = [
        training.evaluate(model, ENTROPY, params, dataset, mesh=mesh)["loss"]
        for mesh in (None, devices.mesh(4))
    ]
    assert (one.labels == many.labels).all()
    return [
        float(abs(one.probabilities - many.probabilities).max()),
        abs(figures[0] / figures[1] - 1),
    ]


def bits() -> bool:
    """Numbers drawn by each device for its rows are those of the whole batch."""
    key, mesh = jax.random.key(3), devices.mesh(4)
    drawn = jax.shard_map(
        lambda key: across.own_bits(key, (3, 5)),
        mesh=mesh,
        in_specs=jax.P(),
        out_specs=jax.P(across.ROWS),
        check_vma=False,
    )
    whole = jax.random.bits(key, (12, 5), jnp.uint32)
    return bool((drawn(key) == whole).all())


def linear() -> dict[str, Any]:
    """A loss that loops over blocks of rows, and what its program sends."""
    place, loss = devices.placement(devices.mesh(4)), losses.linear_cross_entropy()
    x, w = RNG.normal(size=(8, 3, 5)).astype(np.float32), np.eye(7, 5, dtype=np.float32)
    y, labels = (x, w, w[:, 0]), RNG.integers(0, 7, (8, 3))
    placed = (place.rows(x), *devices.replicated(y[1:], place.mesh)), place.rows(labels)
    run = jax.jit(place.loss(loss).value_and_grad).lower(*placed).compile()
    off = jax.tree.map(
        lambda a, b: float(abs(a - b).max()), run(*placed), loss.value_and_grad(y, labels)
    )
    return {"off": max(jax.tree.leaves(off)), "sent": sorted(set(re.findall(SENT, run.as_text())))}


def own_layer() -> dict[str, Any]:
    """A layer that is not fnet's, and mixes rows: the compiler divides it, rightly."""

    def forward(params: Any, x: Any, key: Any = None) -> Any:
        return x - x.mean(0), ()

    def backward(params: Any, cache: Any, dy: Any) -> Any:
        return (), dy - dy.mean(0)

    centred = layer(lambda key, shape: ((), shape), forward, backward)
    model, dataset = KINDS["mlp"]
    KINDS["own"] = (serial(centred, *model.layers), dataset)
    return {"known": is_known(KINDS["own"][0]), "off": off("own", devices.mesh(4))}


def command() -> dict[str, Any]:
    """`fnet train` on four devices, continued on one and with divided weights, and all on one.

    Evaluated on four and on one.
    """
    words = ["train", "--model", "mlp", "--hidden", "12", "--size", "8"]
    found = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:

        def said(*wanted: str) -> list[Any]:
            begin = out.tell()
            assert main([*wanted, "--json"]) == 0
            return [json.loads(line) for line in out.getvalue()[begin:].splitlines()]

        run, image = f"{folder}/four", f"{folder}/image.png"
        found["four"] = said(*words, "--epochs", "1", "--out", run, "--devices", "4")
        if importlib.util.find_spec("tensorstore"):  # from here on in parts, as of divided weights
            path = Path(run, "checkpoint.npz")
            save(path, load(path, mesh=devices.mesh(4, model=4)))
        parted = Path(run, "checkpoint.shards").exists()
        judged = [said("evaluate", run, *more) for more in ((), ("--devices", "4"))]
        Image.fromarray(RNG.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(image)
        with contextlib.redirect_stderr(io.StringIO()) as aside:
            answers = [said("predict", run, image, *more) for more in ((), ("--devices", "4"))]
        said("train", "--epochs", "2", "--resume", "--out", run)
        halves = ("--devices", "4", "--tensor-parallel", "2")
        found["after"] = said("train", "--epochs", "3", "--resume", "--out", run, *halves)
        whole = not Path(run, "checkpoint.shards").exists()
        found["one"] = said(*words, "--epochs", "3", "--out", f"{folder}/one")
    loss = {name: lines[-1].get("test_loss") for name, lines in found.items()}
    return {
        "said": [found["four"][0]["decisions"], judged[1][-1]["decisions"], aside.getvalue()],
        "said_of_halves": found["after"][0]["decisions"],
        "off": abs(loss["after"] / loss["one"] - 1),
        "off_evaluated": abs(judged[0][-1]["loss"] / judged[1][-1]["loss"] - 1),
        "off_predicted": abs(answers[0][0]["probability"] / answers[1][0]["probability"] - 1),
        "parted": parted,
        "whole": whole,
    }


def cores() -> dict[str, Any]:
    """`fnet train` without --devices: of four cores, as many as a batch of images is worth."""
    words = ["train", "--model", "cnn", "--size", "8", "--epochs", "1"]
    cases = {
        "four": ("--batch-size", "64"),
        "two": ("--batch-size", "40"),
        "few rows": ("--batch-size", "31"),
        "one": ("--batch-size", "64", "--devices", "1"),
        "small": ("--model", "mlp", "--hidden", "4"),
    }
    found = {}
    for name, more in cases.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stdout(io.StringIO()) as out,
            mock.patch.object(spread, "_cores", return_value=4),
        ):
            assert main([*words, *more, "--out", f"{folder}/run", "--json"]) == 0
        first, *_, last = map(json.loads, out.getvalue().splitlines())
        said = [each for each in first["decisions"] if "virtual devices" in each]
        found[name] = {"said": said, "loss": last["test_loss"]}
    return found


def errors() -> dict[str, str]:
    """What is refused, and in which words."""
    tried = {
        "size": lambda: trained("mlp", devices.mesh(4), batch_size=10),
        "devices": lambda: devices.mesh(8),
        "axes": lambda: trained("mlp", jax.make_mesh((4,), ("batch",))),
        "mesh": lambda: trained("mlp", 4),
        "model": lambda: devices.mesh(4, model=3),
        "reduced": lambda: devices.placement(devices.mesh(4), reduced="int8"),
        "set": lambda: within(jax.make_mesh((4,), ("data",))),
        "function": lambda: devices.placement(devices.mesh(4), rule={".w": -1}),
        "table": lambda: devices.by_table({".w": 1}),
        "twice": lambda: trained(
            "mlp",
            devices.placement(
                devices.mesh(4, model=2),
                rule=lambda path, shape: jax.P(*["model"] * len(shape)),
            ),
        ),
        "rule": lambda: trained(
            "mlp", devices.placement(devices.mesh(4), rule=lambda path, shape: "model")
        ),
    }
    said = {}
    for name, attempt in tried.items():
        try:
            attempt()
        except ValueError as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def within(mesh: Any) -> None:
    with jax.set_mesh(devices.mesh(4)):
        trained("mlp", devices.mesh(4), epochs=1)
    with jax.set_mesh(mesh):
        trained("mlp", mesh)


def explicit() -> list[float]:
    """A mesh as jax.make_mesh makes it."""
    return [off("mlp", jax.make_mesh((4,), ("data",)))]


def law(number: int) -> float:
    """The largest difference of a registered layer on two devices from the layer on one."""
    from tests.cases import CASES

    model, x = CASES[number].layer, CASES[number].inputs(rows=4)
    key = jax.random.key(1)
    params, _ = model.init(key, CASES[number].shape)
    found = [both(each, params, x, key) for each in (model, divided(model, devices.mesh(2)))]
    worst = jax.tree.map(
        lambda a, b: float(np.abs(np.float64(a) - np.float64(b)).max(initial=0.0)), *found
    )
    return max(jax.tree.leaves(worst), default=0.0)


def both(model: Layer, params: Any, x: Any, key: Any) -> Any:
    @jax.jit
    def run(params: Any, x: Any) -> Any:
        y, cache = model.forward(params, x, key)
        dy = jax.tree.map(lambda leaf: jnp.cos(leaf).astype(leaf.dtype), y)
        seen = params if model.observe is None else model.observe(params, cache)
        return y, model.backward(params, cache, dy), seen

    return run(params, x)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 4)
    for name in sys.argv[1:]:
        made = law(int(name)) if name.isdecimal() else globals()[name]()
        print(json.dumps((name, made)), flush=True)
