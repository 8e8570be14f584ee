"""Checkpoints: bit for bit there and back, whole or not at all, and never a pickle."""

import json
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import checkpoint, data, losses, models, optimizers, serial
from fnet.checkpoint import Checkpoint, load, save
from fnet.core import layer
from fnet.core.values import constructor
from fnet.errors import CheckpointError, ConfigurationError
from fnet.files.npz import read_npz, write_npz
from fnet.files.writing import replacing
from fnet.layers import affine, leaky_relu
from fnet.registry import VOCABULARY
from fnet.training import descend, fit, start
from fnet.training.evaluation import predict

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(20, 3)), np.arange(20) % 4
SET = data.memory({"features": X, "label": LABELS}, classes=("a", "b", "ü", "d"))
MODEL, LOSS = models.classification_net(4, hidden=5, std=0.5, l2=0.01), losses.cross_entropy()
TRANSFORM = data.normalize((0.1, 0.2, 0.3), (1.0, 2.0, 1 / 3))

EVERY = [
    optimizers.sgd(0.1),
    optimizers.momentum(0.1, nesterov=True),
    optimizers.rmsprop(0.01),
    optimizers.adam(0.01),
]


def trained(optimizer=EVERY[3], epochs=2, resume=None):
    train = data.memory(SET, transform=TRANSFORM)
    records = fit(MODEL, LOSS, optimizer, train, train, epochs=epochs, batch_size=7, resume=resume)
    return list(records)[-1]


def made(optimizer=EVERY[3], record=None):
    record = record or trained(optimizer)
    return Checkpoint(MODEL, LOSS, optimizer, (3,), record, 11, TRANSFORM, SET.classes)


def same_bits(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == y.dtype
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.npz"


@pytest.mark.parametrize("optimizer", EVERY, ids=repr)
def test_what_was_saved_is_loaded(path, optimizer):
    saved = made(optimizer)
    save(path, saved)
    loaded = load(path)
    for part in ("model", "loss", "optimizer", "transform"):
        assert getattr(loaded, part) is getattr(saved, part)
    assert (loaded.shape, loaded.seed, loaded.classes) == ((3,), 11, ("a", "b", "ü", "d"))
    same_bits(loaded.record.state, saved.record.state)
    same_bits(loaded.record.best.params, saved.record.best.params)
    assert loaded.record.best[:2] == saved.record.best[:2]
    assert loaded.record.metrics == saved.record.metrics


def test_a_loaded_model_predicts_bit_for_bit(path):
    saved = made()
    save(path, saved)
    loaded = load(path)
    before = predict(MODEL, LOSS, saved.record.state.params, SET)
    after = predict(loaded.model, loaded.loss, loaded.record.state.params, SET)
    assert before.probabilities.tobytes() == after.probabilities.tobytes()


@pytest.mark.parametrize("optimizer", EVERY, ids=repr)
def test_training_goes_on_bit_for_bit(path, optimizer):
    save(path, made(optimizer, trained(optimizer, epochs=1)))
    resumed = trained(optimizer, epochs=3, resume=load(path).record)
    whole = trained(optimizer, epochs=3)
    same_bits(resumed.state, whole.state)
    same_bits(resumed.best.params, whole.best.params)
    assert resumed.metrics == whole.metrics


def test_weights_before_the_first_epoch_can_be_saved(path):
    record = start(MODEL, EVERY[0], (3,))
    save(path, made(EVERY[0], record))
    assert load(path).record.best.loss == float("inf")
    assert load(path).record.epoch == 0


def test_bfloat16_is_kept(path):
    record = start(MODEL, EVERY[0], (3,))
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), record.state.params)
    record = record._replace(state=record.state._replace(params=params))
    save(path, made(EVERY[0], record))
    same_bits(load(path).record.state.params, params)


def test_an_optax_optimizer_is_given_again(path):
    theirs = optax.adam(0.01)
    with jax.numpy_dtype_promotion("standard"):
        saved = made(theirs, trained(theirs))
    save(path, saved)
    same_bits(load(path, optimizer=theirs).record.state, saved.record.state)
    with pytest.raises(CheckpointError, match=r"load\(path, optimizer=\.\.\.\)"):
        load(path)


def test_float64_is_not_cut_to_float32_in_silence(path):
    save(path, made())
    with jax.enable_x64(False), pytest.raises(CheckpointError, match="jax_enable_x64"):
        load(path)


def test_it_is_a_plain_archive_without_pickles(path):
    save(path, made())
    with np.load(path, allow_pickle=False) as file:
        names = set(file.files)
        assert not any(file[name].dtype.hasobject for name in names)
        config = json.loads(file["config.json"].tobytes())
    assert {"state.params[0].w", "state.opt_state.m[2].b", "best[0].b", "state.step"} <= names
    assert config["model"] == MODEL.spelled
    assert "w_init=normal(std=0.5)" in config["model"]


def test_a_save_that_fails_leaves_the_old_one_whole(path, monkeypatch):
    save(path, made())
    before = path.read_bytes()

    def break_off(file, arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_npz", break_off)
    with pytest.raises(CheckpointError, match=r"No space left on device.*before is whole"):
        save(path, made())
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_checkpoint_before_is_kept_and_named_where_the_last_is_damaged(path):
    first, second = trained(epochs=1), trained(epochs=2)
    for record in (first, second):
        save(path, made(record=record))
    assert load(checkpoint.previous(path)).record.epoch == 1
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"the one before it is .*checkpoint\.previous\.npz"):
        load(path)


def test_an_epoch_under_way_is_kept(path):
    paused = fit(MODEL, LOSS, EVERY[3], SET, SET, epochs=2, batch_size=7, every_steps=2)
    record = next(paused)
    save(path, made(record=record))
    *_, whole = paused
    *_, resumed = fit(
        MODEL, LOSS, EVERY[3], SET, SET, epochs=2, batch_size=7, resume=load(path).record
    )
    same_bits(resumed.state, whole.state)
    assert resumed.metrics == whole.metrics


def test_a_typed_key_in_the_state_of_an_optimizer_is_kept(path):
    with jax.numpy_dtype_promotion("standard"):
        noisy = optax.add_noise(0.1, 0.5, jax.random.key(3, impl="rbg"))
        theirs = optax.chain(noisy, EVERY[0])
        saved = made(theirs, trained(theirs))
    save(path, saved)
    loaded = load(path, optimizer=theirs).record.state.opt_state[0].rng_key
    kept = saved.record.state.opt_state[0].rng_key
    assert loaded.dtype == kept.dtype
    same_bits(jax.random.key_data(loaded), jax.random.key_data(kept))


def test_a_checkpoint_of_another_format_is_told(path):
    save(path, made())
    rewrite(path, change_config("format", 1))
    with pytest.raises(CheckpointError, match="its format is 1, and this fnet reads \\(2, 3, 4\\)"):
        load(path)


def test_a_file_is_synced_then_renamed_then_its_folder_synced(tmp_path, monkeypatch):
    calls = []
    from fnet.files import writing as files

    real_sync, real_replace = files.os.fsync, files.Path.replace

    def sync(descriptor):
        calls.append("sync")
        real_sync(descriptor)

    def rename(self, to):
        calls.append("rename")
        return real_replace(self, to)

    monkeypatch.setattr(files.os, "fsync", sync)
    monkeypatch.setattr(files.Path, "replace", rename)
    with replacing(tmp_path / "file") as file:
        file.write(b"whole")
        assert not (tmp_path / "file").exists()
    assert calls == ["sync", "rename", "sync"]
    assert (tmp_path / "file").read_bytes() == b"whole"


def rewrite(path, change):
    """The checkpoint with its members changed."""
    with path.open("rb") as file:
        members = read_npz(file)
    change(members)
    with path.open("wb") as file:
        write_npz(file, members)


def change_config(key, value):
    def change(members):
        config = json.loads(members["config.json"].tobytes())
        config[key] = value
        members["config.json"] = np.frombuffer(json.dumps(config).encode(), np.uint8)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members: members.pop("best[0].w"), r"array best\[0\].w is missing"),
        (
            lambda members: members.update({"best[0].w": np.zeros((2, 2))}),
            r"best\[0\].w is \(2, 2\), and the model's is \(5, 3\)",
        ),
        (lambda members: members.update(other=np.zeros(1)), r"does not: \['other'\]"),
        (lambda members: members.pop("config.json"), "not a checkpoint of fnet"),
        (change_config("model", "open('x')"), "unknown constructor 'open'"),
        (change_config("shape", [4]), "and the model's is"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told(path, change, message):
    save(path, made())
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_damaged_file_is_told(path):
    with pytest.raises(CheckpointError, match="it is a folder; name the file in it"):
        load(path.parent)
    with pytest.raises(CheckpointError, match="there is no such file"):
        load(path)
    save(path, made())
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[: len(whole) // 2], whole[:300] + b"x" + whole[301:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="checkpoint"):
            load(path)


def test_a_pickle_inside_is_refused(path):
    save(path, made())
    with zipfile.ZipFile(path, "a") as archive:
        import io

        member = io.BytesIO()
        np.save(member, np.array([{}], object), allow_pickle=True)
        archive.writestr("evil.npy", member.getvalue())
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(path)


RECORDED = Path(__file__).parent / "recorded"


def test_a_checkpoint_of_0_1_0_predicts_and_resumes():
    """Written by fnet 0.1.0 in the middle of an epoch, with what it predicted and came to."""
    with jax.enable_x64(False):
        old = load(RECORDED / "by_0_1_0.npz")
        told = json.loads((RECORDED / "by_0_1_0.json").read_text("utf-8"))
        images = np.random.default_rng(0).integers(0, 256, (40, 3, 2, 3)).astype(np.uint8)
        labels = images.reshape(40, -1)[:, :3].argmax(1).astype(np.int32)
        dataset = data.memory({"image": images, "label": labels}, old.classes, old.transform)
        predicted = predict(old.model, old.loss, old.record.best.params, dataset)
        np.testing.assert_allclose(predicted.probabilities, told["probabilities"], atol=2**-7)
        assert (old.record.epoch, len(old.record.seen.loss)) == (2, 2)
        assert repr(old.model).startswith("mixed_precision(serial(flatten(), affine(5, w_init=gl")
        *_, last = fit(
            old.model,
            old.loss,
            old.optimizer,
            dataset,
            dataset,
            epochs=5,
            batch_size=16,
            seed=1,
            resume=old.record,
        )
        for name, value in told["resumed"].items():
            np.testing.assert_allclose(last.metrics[name], value, rtol=0.02)


def test_a_checkpoint_holds_the_arguments_that_were_left_out(path, monkeypatch):
    """The day a default changes, an older model stays what it was."""
    model = serial(leaky_relu(), affine(4))
    assert repr(model) == "serial(leaky_relu(), affine(4))"
    record = start(model, EVERY[0], (3,))
    save(path, checkpoint.Checkpoint(model, LOSS, EVERY[0], (3,), record))
    changed = constructor(lambda a=0.3: leaky_relu.__wrapped__(a))
    monkeypatch.setitem(VOCABULARY["model"], "leaky_relu", changed)
    x = jnp.array([[-1.0, -2.0, 3.0]])
    again = load(path).model
    params = (), record.state.params[1]
    np.testing.assert_array_equal(again.apply(params, x), model.apply(params, x))
    assert not np.allclose(serial(changed(), affine(4)).apply(params, x), model.apply(params, x))


def test_a_chain_with_a_layer_of_no_constructor_is_asked_for(tmp_path):
    own = layer(
        lambda key, shape: ((), shape["a"]),
        lambda params, x, key=None: (x["a"], ()),
        lambda params, cache, dy: ((), {"a": dy, "b": None}),
    )
    model, optimizer = serial(own, affine(2)), optimizers.sgd(0.1)
    shape = {"a": (3,), "b": None}
    run = Checkpoint(model, losses.mse(), optimizer, shape, start(model, optimizer, shape))
    save(tmp_path / "run.npz", run)
    with pytest.raises(CheckpointError, match="its model is not made by constructors of fnet"):
        load(tmp_path / "run.npz")
    assert load(tmp_path / "run.npz", model=model).shape == shape


@pytest.mark.parametrize("train", [fit, descend], ids=["fit", "descend"])
def test_names_of_classes_come_from_the_data(train, tmp_path):
    """They were lost unless they were given to the checkpoint too."""
    x = np.array([[-1.0], [-2.0], [1.0], [2.0]], np.float32)
    towns = data.memory({"x": x, "town": np.array(["Ulm", "Ulm", "Bonn", "Bonn"])})
    model, loss, optimizer = models.logistic_regression(), losses.bce(), optimizers.adam(0.5)
    *_, record = train(model, loss, optimizer, towns, epochs=60)
    save(tmp_path / "run.npz", checkpoint.Checkpoint(model, loss, optimizer, (1,), record))
    run = load(tmp_path / "run.npz")
    assert run.classes == run.record.classes == ("Bonn", "Ulm")
    new = data.memory({"x": np.array([[3.0], [-3.0]]), "y": np.zeros(2, int)})
    params = run.record.best.params
    found = predict(run.model, run.loss, params, new)
    assert found.named(run.classes).tolist() == ["Bonn", "Ulm"]
    assert found._replace(predicted=np.array([-1])).named(run.classes).tolist() == [""]
    with pytest.raises(ConfigurationError, match="got 1 names, and the model predicts 2 classes"):
        found.named(("Ulm",))
    with pytest.raises(ConfigurationError, match="predicts numbers, which have no names"):
        found._replace(probabilities=None).named(run.classes)
