"""Sequences of tokens: texts, the formal language and its optimum, models, and generation."""

import gzip
import itertools
import math
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import compose, data, layers, losses, models, optimizers, serial
from fnet.core import Layer, layer
from fnet.core.values import read
from fnet.data import language
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.training import fit

# The formal language, from its definition in words and by other means than fnet's.

PAIRS = {"(": ")", "<": ">", "[": "]", "{": "}"}


def probability(text: str) -> float:
    """Of a text, by taking it apart: brackets on a stack, counts by a regular expression."""
    p, stack, place = 1.0, [], 0
    while place < len(text):
        depth, symbol = len(stack), text[place]
        opens = {0: 0.8, language.DEPTH: 0.0}.get(depth, 0.4)
        closes = {0: 0.0, language.DEPTH: 0.8}.get(depth, 0.4)
        if symbol in PAIRS:
            p *= opens / 4
            stack.append(symbol)
            place += 1
        elif symbol in PAIRS.values():
            p *= closes if stack and PAIRS[stack.pop()] == symbol else 0.0
            place += 1
        elif symbol == "b":
            return 0.0
        else:
            run = re.compile("(a+)(b*)").match(text, place)
            n, m, ended = len(run[1]), len(run[2]), run.end() == len(text)
            if n > language.COUNT or m > n or (m < n and not ended):
                return 0.0
            p *= 0.2 * 0.5 ** (n - 1) * (0.5 if m and n < language.COUNT else 1.0)
            place = run.end()
        if p == 0:
            return 0.0
    return p


def test_the_optimum_is_the_entropy_of_all_texts():
    """(H(x₁ ... x_{T+1}) − H(x₁)) / T, over every text that there is."""

    def block_entropy(size):
        found, alive = 0.0, {"": 1.0}
        for _ in range(size):
            longer = (
                "".join(pair) for pair in itertools.product(alive, data.synthetic_text(1).classes)
            )
            alive = {text: p for text in longer if (p := probability(text)) > 0}
        assert math.isclose(sum(alive.values()), 1)
        return found - sum(p * math.log(p) for p in alive.values())

    optimum = (block_entropy(6) - block_entropy(1)) / 5
    assert math.isclose(data.text_entropy(5), optimum, rel_tol=1e-12)


def test_the_texts_have_the_probabilities_of_the_language():
    texts = data.synthetic_text(3000, length=40, seed=3)
    whole = np.concatenate((texts.arrays["tokens"], texts.arrays["next"][:, -1:]), axis=1)
    rows = ["".join(texts.classes[token] for token in row) for row in whole]
    own = [-math.log(probability(row) / probability(row[0])) for row in rows[:50]]
    np.testing.assert_allclose(data.surprisal(texts)[:50].sum(axis=1), own, rtol=1e-12)
    assert all(probability(row) > 0 for row in rows)
    # The mean of −ln p is near the optimum: within four standard errors.
    means = data.surprisal(texts).mean(axis=1)
    assert abs(means.mean() - data.text_entropy(40)) < 4 * means.std() / math.sqrt(len(rows))
    assert max(row.count("aaaa") for row in rows)
    assert not any("aaaaa" in row for row in rows)


def test_a_text_follows_from_seed_and_place_and_needs_its_past():
    few, many = data.synthetic_text(3, 20, seed=1), data.synthetic_text(5, 20, seed=1)
    assert (few.arrays["next"] == many.arrays["next"][:3]).all()
    assert (few.arrays["next"] != data.synthetic_text(3, 20, seed=2).arrays["next"]).any()
    # A model of the last character alone is far above the optimum.
    texts = data.synthetic_text(4000, 64)
    pairs = np.zeros((10, 10))
    np.add.at(pairs, (texts.arrays["tokens"].ravel(), texts.arrays["next"].ravel()), 1)
    p = pairs / pairs.sum()
    bigram = -(p[p > 0] * np.log((pairs / pairs.sum(axis=1, keepdims=True))[p > 0])).sum()
    assert bigram > 1.3 * data.text_entropy(64)


def test_a_text_that_is_not_of_the_language_has_no_surprisal():
    texts = data.synthetic_text(2, 5)
    texts.arrays["next"][1, 2] = 9 if texts.arrays["next"][1, 1] != 8 else 0
    texts.arrays["tokens"][:] = 0
    with pytest.raises(DataError, match="not of the language"):
        data.surprisal(texts)


# Texts on disk.


@pytest.fixture
def book(tmp_path):
    def write(content, name="book.txt", **options):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return data.text_windows(path, cache=tmp_path / "cache", **options)

    return write


def test_windows_hold_the_text_and_what_comes_next(book):
    text = "It was the best of times,\nit was the worst of times — naïve."
    windows = book(text, length=7)
    assert windows.classes == tuple(sorted(set(text)))
    assert windows.fields == ("tokens", "next")
    batch = windows.gather(np.arange(len(windows)))
    assert batch["tokens"].dtype == np.int32
    joined = "".join(windows.vocabulary.decode(row) for row in batch["tokens"])
    later = "".join(windows.vocabulary.decode(row) for row in batch["next"])
    assert text.startswith(joined)
    assert text[1:].startswith(later)
    assert len(text) - len(joined) <= 7
    assert len(book(text, length=7, stride=1)) == len(text) - 7
    assert windows[2]["next"].shape == (7,)
    assert (pickle.loads(pickle.dumps(windows)).gather([1])["next"] == batch["next"][1]).all()


def test_ends_of_lines_and_marks_are_one_character(book):
    assert (
        book(b"\xef\xbb\xbfa\r\nb\rc\nd", length=2).vocabulary.decode(
            book(b"\xef\xbb\xbfa\r\nb\rc\nd", length=2).ids
        )
        == "a\nb\nc\nd"
    )


def test_bytes_are_themselves(book):
    windows = book("naïve\r\n" * 3, length=4, tokens="bytes")
    assert len(windows.classes) == 256
    assert bytes(windows.ids) == "naïve\r\n".encode() * 3
    assert windows.vocabulary.decode(windows.ids) == "naïve\r\n" * 3
    assert windows.vocabulary.encode("ï").tolist() == [0xC3, 0xAF]
    assert data.Vocabulary.of(windows.classes).kind == "bytes"


def test_what_is_not_utf_8_is_read_as_bytes_and_said(book):
    content = "première ligne\nnaïve".encode("latin-1")
    windows = book(content, length=3)
    assert len(windows.classes) == 256
    assert "byte 0xe8 at place 5, in line 1, is not UTF-8" in windows.decisions[0]
    with pytest.raises(DataError, match=r"byte 0xe8 at place 5.*read it as bytes"):
        book(content, length=3, tokens="characters")


def test_the_place_of_a_bad_byte_is_right_beyond_the_first_piece(book, monkeypatch):
    monkeypatch.setattr("fnet.files.characters.PIECE", 4)
    with pytest.raises(DataError, match="0xff at place 11, in line 3,"):
        book(b"ab\ncde\nfghi\xff", length=2, tokens="characters")
    whole = book("añ—😀b" * 5, length=2)  # characters across pieces
    assert whole.vocabulary.decode(whole.ids) == "añ—😀b" * 5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_byte_order_mark_tells_how_a_text_is_written(book, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    windows = book((mark + "naïve\r\nté" * 3).encode(encoding), length=4)
    assert windows.vocabulary.decode(windows.ids) == "naïve\nté" * 3
    with pytest.raises(DataError, match="not UTF-16"):
        book(b"\xff\xfe" + b"\x00\xd8" * 9, length=2, tokens="characters")


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"to be or not to be" * 9, mtime=0), "no mark".encode("utf-16-le") * 9],
    ids=["compressed", "no mark"],
)
def test_what_is_no_text_is_refused_unless_its_bytes_are_named(book, content):
    with pytest.raises(DataError, match=r"book.txt: it has bytes of 0, as no text has"):
        book(content, length=4)
    assert len(book(content, length=4, tokens="bytes").ids) == len(content)


def test_a_folder_is_its_text_files_in_order(tmp_path):
    (tmp_path / "deep").mkdir()
    for name, text in {
        "b.md": "two",
        "a.txt": "one",
        "deep/c.txt": "three",
        ".d.txt": "x",
        "e.png": "y",
    }.items():
        (tmp_path / name).write_text(text)
    windows = data.text_windows(tmp_path, length=2, cache=tmp_path / "cache")
    assert windows.vocabulary.decode(windows.ids) == "one\ntwo\nthree"
    assert "3 files" in windows.decisions[0]
    with pytest.raises(DataError, match="has no text"):
        data.text_windows(tmp_path / "cache", length=2)
    with pytest.raises(DataError, match="no such file"):
        data.text_windows(tmp_path / "absent.txt")


def test_a_text_is_read_by_the_vocabulary_of_another(book):
    words = book("to be or not to be", length=3).vocabulary
    assert book("beer or root", "other.txt", length=3, vocabulary=words).classes == words.classes
    with pytest.raises(DataError, match=r"other.txt: '.n', 'L' not among the model's 7 char"):
        book(
            "to be\nor Lot", "other.txt", length=3, vocabulary=words._replace(classes=(*"beortn ",))
        )
    raw = book(b"\xfd\xfc\xfb\xfa", length=3).vocabulary
    assert len(book("Löwe", "other.txt", length=3, vocabulary=raw).ids) == 5


@pytest.mark.parametrize("names", [("train.txt", "valid.txt", "test.txt"), ("a-train", "a-test")])
def test_texts_that_come_divided_stay_so(tmp_path, names):
    for number, name in enumerate((*names, "notes.md")):
        path = tmp_path / name if "." in name else tmp_path / name / "one.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(chr(97 + number) * 20)
    parts, decisions, _ = data.text_parts(tmp_path, length=4, cache=tmp_path / ".cache")
    kinds = ("train", "val", "test") if len(names) == 3 else ("train", "test")
    assert tuple(parts) == kinds
    for number, part in enumerate(parts.values()):
        assert part.vocabulary.decode(part.ids) == chr(97 + number) * 20
    assert decisions[0].startswith(f"taken as parts: {names[0]} as train")
    assert decisions[-1] == "left out: notes, which is no part"
    assert len({part.classes for part in parts.values()}) == 1


def test_folders_of_texts_that_may_be_classes_are_said(tmp_path):
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(f"what is {name}ative")
    divided = data.text_parts(tmp_path, length=4, cache=tmp_path / ".cache")
    assert list(divided.parts) == ["all"]
    assert "the texts of neg/, pos/ follow one another; fnet train without" in divided.decisions[1]


def test_parts_are_contiguous_and_no_window_crosses(book):
    windows = book("".join(chr(97 + n % 26) for n in range(500)), length=9, stride=1)
    parts = data.split_text(windows, {"train": 0.6, "val": 0.2, "test": 0.2})
    assert [(part.begin, part.end) for part in parts.values()] == [(0, 300), (300, 400), (400, 500)]
    for part in parts.values():
        assert part.starts.min() == part.begin
        assert part.starts.max() + 9 + 1 == part.end


def test_too_short_a_text_says_what_is_needed(book):
    with pytest.raises(DataError, match="it has 5 characters; windows of 9 need at least 10"):
        book("abcde", length=9)
    short = book("abcdefghij" * 4, length=9)
    with pytest.raises(DataError, match=r"40 characters, too few.*55 are needed"):
        data.split_text(short, {"train": 0.6, "val": 0.2, "test": 0.2})
    enough = book("abcdefghijk" * 5, length=9)
    assert len(data.split_text(enough, {"train": 0.6, "val": 0.2, "test": 0.2})["test"]) == 1
    with pytest.raises(DataError, match="empty"):
        book("", length=9)
    with pytest.raises(ConfigurationError, match="sum 1"):
        data.split_text(enough, {"train": 0.6, "val": 0.2})


def test_a_character_that_is_unknown_is_named(book):
    words = book("to be\nor not", length=3).vocabulary
    assert str(words) == "8 characters: \\n benort"
    with pytest.raises(DataError, match="'x' at place 2 of 'box'"):
        words.encode("box")


def test_resident_and_streamed_texts_train_to_the_same_bits(book):
    windows = book("the quick brown fox jumps over the lazy dog. " * 20, length=8)
    model = models.recurrent(len(windows.classes), 6, "gru")
    arguments = model, losses.cross_entropy(), optimizers.adam(1e-2)
    (streamed,) = fit(*arguments, windows, epochs=1, batch_size=16)
    (resident,) = fit(*arguments, data.memory(windows), epochs=1, batch_size=16)
    assert resident.metrics == streamed.metrics
    pairs = zip(*(jax.tree.leaves(each.state.params) for each in (streamed, resident)), strict=True)
    assert all((a == b).all() for a, b in pairs)


# Step by step.

CONTINUED = {
    "attention(4, causal=True, rope=rope())": (9, 8),
    "attention(4, kv_heads=2, causal=True, rope=rope(pairs=True), window=3, softcap=2.0)": (9, 8),
    "rope()": (9, 2, 4),
    "positional_encoding()": (9, 8),
    "learned_positions(9)": (9, 8),
    "rnn(3, activation='relu')": (9, 8),
    "lstm(3, projection=2)": (9, 8),
    "gru(3, reset_after=False)": (9, 8),
    "recurrent(serial(parallel(affine(3), affine(3), join='add'), tanh()))": (9, 8),
    "serial(layer_norm(), affine(3, axes=1), gelu(), dropout(0.5))": (9, 8),
    "swiglu(5)": (9, 8),
    "repeat(residual(rms_norm(), attention(2, causal=True, rope=rope())), 3)": (9, 8),
    "repeat(remat(residual(gru(8))), 2, tied=True)": (9, 8),
    "fan_out(lstm(3), affine(2, axes=1), join='concatenate')": (9, 8),
    "tied(serial(affine(8, axes=1, bias=False), gru(8), affine(8, axes=1, bias=False)), '[2].w', "
    "'[0].w')": (9, 8),
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("text", CONTINUED)
def test_a_stream_gives_what_the_whole_sequence_does(text):
    model: Layer = read(text, {**vars(layers), **vars(compose)})
    shape = CONTINUED[text]
    x = jax.random.normal(jax.random.key(1), (2, *shape))
    params = jax.tree.map(
        lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(2), leaf.shape),
        model.init(jax.random.key(0), shape)[0],
    )
    expected = model.forward(params, x)[0]
    known, stream = 4, model.stream

    @jax.jit
    def continued(params, x):
        _, cache = model.forward(params, x[:, :known])
        state = stream.resume(params, cache, known, shape[0])

        def step(state, x):
            y, state = stream.step(params, state, x[:, None])
            return state, y[:, 0]

        return jax.lax.scan(step, state, x[:, known:].swapaxes(0, 1))[1].swapaxes(0, 1)

    np.testing.assert_allclose(continued(params, x), expected[:, known:], rtol=1e-9, atol=1e-12)


def test_what_looks_ahead_or_flattens_has_no_stream():
    for ahead in (
        layers.attention(2),
        layers.lstm(3, reverse=True),
        layers.gru(3, last=True),
        layers.affine(3),
        layers.layer_norm(axes=(-2, -1)),
        layers.conv(3),
        serial(layers.relu(), layers.flatten()),
        compose.repeat(compose.residual(layers.attention(2)), 2),
    ):
        assert ahead.stream is None, ahead


def test_sequences_of_different_lengths_have_no_next_step():
    x = jnp.ones((2, 5, 4)), jnp.array([5, 2])
    for part in (
        layers.attention(2, causal=True),
        layers.gru(3),
        compose.recurrent(layers.gru_cell(3)),
    ):
        params, _ = part.init(jax.random.key(0), ((5, 4), ()))
        _, cache = part.forward(params, x)
        with pytest.raises(ShapeError, match="no next step"):
            part.stream.resume(params, cache, 5, 9)


def test_a_layer_of_ones_own_continues_if_it_says_how():
    plain = layer(
        lambda key, shape: ((), shape),
        lambda params, x, key=None: (2 * x, ()),
        lambda params, cache, dy: ((), 2 * dy),
    )
    assert plain.stream is None
    assert serial(layers.relu(), plain).stream is None


def test_steps_beyond_the_learned_positions_are_refused():
    model = models.transformer(5, 8, blocks=1, heads=2, length=6, positions="learned")
    params, _ = model.init(jax.random.key(0), (6,))
    with pytest.raises(ShapeError, match="a sequence of 7 steps, and there are 6 positions"):
        models.generate(model, params, [[1]], 6)


# Models and generation.

MADE = {
    "transformer": models.transformer(7, 16, blocks=2, heads=4, length=8),
    "learned": models.transformer(
        7, 16, blocks=2, heads=2, length=30, positions="learned", dropout=0.1, tied=False
    ),
    "lstm": models.recurrent(7, 12, "lstm", layers=2),
    "gru": models.recurrent(7, 12, "gru", dropout=0.2),
    "mixed": compose.mixed_precision(models.recurrent(7, 12, "rnn")),
}


@pytest.fixture(scope="module", params=MADE)
def made(request):
    model = MADE[request.param]
    params, shape = model.init(jax.random.key(3), (8,))
    assert shape == (8, 7)
    # Sharper than at first, so that a wrong state would draw other tokens.
    return model, jax.tree.map(lambda leaf: 3 * leaf if leaf.ndim > 1 else leaf, params)


@pytest.mark.turns(3)
def test_the_cache_draws_the_same_tokens(made):
    model, params = made
    prompt = [[1, 2, 3], [6, 0, 5]]
    small = {"temperature": 0.7, "top_k": 3, "seed": 5}, {"temperature": 0}
    for options in ({}, *(small if model is MADE["gru"] else ())):
        cached = models.generate(model, params, prompt, 20, **options)
        whole = models.generate(model, params, prompt, 20, **options, cached=False)
        assert cached.shape == (2, 23)
        assert (cached[:, :3] == prompt).all()
        assert (cached == whole).all()


def test_tokens_are_drawn_with_the_probabilities_of_the_model():
    model = models.recurrent(5, 6)
    params, _ = model.init(jax.random.key(0), (3,))
    logits = model.forward(params, jnp.array([[1, 2]], jnp.int32))[0][0, -1]
    drawn = models.generate(model, params, np.tile([1, 2], (20_000, 1)), 1, temperature=0.5)[:, 2]
    counts = np.bincount(drawn, minlength=5)
    expected = 20_000 * np.asarray(jax.nn.softmax(2 * logits))
    assert ((counts - expected) ** 2 / expected).sum() < 18.5  # χ², 4 degrees: p = 0.001
    few = models.generate(model, params, np.tile([1, 2], (500, 1)), 1, top_k=2)[:, 2]
    assert set(few) == set(np.argsort(logits)[-2:].tolist())
    assert (
        models.generate(model, params, [[1, 2]], 3, top_k=1)
        == models.generate(model, params, [[1, 2]], 3, temperature=0)
    ).all()


def test_generation_refuses_what_it_cannot_do():
    looking = serial(layers.embedding(5, 4), layers.attention(2), layers.affine(5, axes=1))
    params, _ = looking.init(jax.random.key(0), (3,))
    with pytest.raises(ConfigurationError, match=r"attention\(2\) cannot continue a sequence"):
        models.generate(looking, params, [[1, 2]], 3)
    with pytest.raises(ConfigurationError, match="depends on later ones"):
        models.generate(looking, params, [[1, 2]], 3, cached=False)
    model = models.recurrent(5, 4)
    params, _ = model.init(jax.random.key(0), (3,))
    with pytest.raises(ShapeError, match="one id or more"):
        models.generate(model, params, np.zeros((1, 0), int), 3)
    for few in ([[1.5, 2.0]], [[1, 2], [3]]):
        with pytest.raises(ShapeError, match="the prompt"):
            models.generate(model, params, few, 3)
    for beyond in (9, 2**32 + 1):
        with pytest.raises(DataError, match="from 0 to 4"):
            models.generate(model, params, np.array([[1, beyond]]), 3)
    assert models.generate(model, params, [[1, 2]], 0).tolist() == [[1, 2]]


def test_a_transformer_sees_no_further_than_its_length():
    model = models.transformer(7, 8, blocks=1, heads=2, length=4)
    params, _ = model.init(jax.random.key(0), (9,))
    x = jnp.arange(9, dtype=jnp.int32)[None] % 7
    y, other = (model.forward(params, each)[0][0] for each in (x, x.at[0, 4].set(1)))
    same = np.isclose(y, other, rtol=1e-9).all(axis=1)
    assert same.tolist() == [True] * 4 + [False] * 4 + [True]


def test_maps_of_attention_are_the_softmax_of_its_scores():
    model = models.transformer(7, 8, blocks=2, heads=2, length=6, positions="learned")
    params, _ = model.init(jax.random.key(0), (5,))
    tokens = np.array([[1, 2, 3, 6, 0]])
    maps = models.attention_maps(model, params, tokens)
    assert maps.shape == (2, 2, 5, 5)
    # The first block by the formula, from its parameters.
    x = np.asarray(params[0].w[tokens[0]] + params[1].w[:5])
    norm, look = jax.tree.map(lambda leaf: np.asarray(leaf[0]), params[2][0].layers)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    x = x * norm.scale + norm.bias
    q, k = ((x @ part.w.T + part.b).reshape(5, 2, 4) for part in (look.q, look.k))
    scores = np.exp(np.einsum("thd,shd->hts", q, k) / 2) * np.tril(np.ones((5, 5)))
    np.testing.assert_allclose(maps[0], scores / scores.sum(-1, keepdims=True), rtol=1e-6)
    for other in (layers.attention(2), layers.attention(2, causal=True, window=3)):
        looking = serial(layers.embedding(7, 4), other)
        params, _ = looking.init(jax.random.key(0), (5,))
        with pytest.raises(ConfigurationError, match="is not that of a transformer"):
            models.attention_maps(looking, params, tokens)
    plain = models.recurrent(7, 4)
    assert models.attention_maps(plain, plain.init(jax.random.key(0), (5,))[0], tokens) is None


def test_models_name_their_mistakes():
    with pytest.raises(ConfigurationError, match="positions is 'sines'"):
        models.transformer(5, positions="sines")
    with pytest.raises(ConfigurationError, match="length of the longest sequence"):
        models.transformer(5, positions="learned")
    for width, positions in ((12, "rope"), (10, "learned")):
        with pytest.raises(ConfigurationError, match="width must be a multiple of"):
            models.transformer(5, width, heads=4, length=3, positions=positions)
    with pytest.raises(ConfigurationError, match="cell is 'elman'"):
        models.recurrent(5, cell="elman")


def test_dropout_is_in_attention_and_after_each_half_of_a_block():
    written = repr(models.transformer(7, 8, blocks=1, heads=2, dropout=0.1))
    assert "attention(2, causal=True, rope=rope(), dropout=0.1), dropout(0.1))" in written
    assert written.count("dropout(0.1)") == 3  # and one after the embedding
