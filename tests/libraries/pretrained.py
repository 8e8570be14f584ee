"""A pretrained model that a package ships gives its published outputs here.

g2p-en (Park & Kim, Apache 2.0) pronounces English words that no dictionary has: an encoder and a
decoder, a GRU of 256 each, in arrays as PyTorch lays them out. `.ci/run` runs it by name, with the
extra `pretrained`.
"""

import importlib.util
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from fnet import interop, serial
from fnet.layers import affine, embedding, gru, gru_cell

WIDTH = 256
LETTERS = {letter: 3 + place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
END_OF_WORD, BEGIN, END = 2, 2, 3
VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH UW V W Y Z ZH".split()
PHONEMES = [*"____", *sorted(CONSONANTS + [f"{v}{stress}" for v in VOWELS for stress in range(3)])]

NAMES = {  # of the package, and of a module of PyTorch
    "emb": "0.weight",
    "w_ih": "1.weight_ih_l0",
    "w_hh": "1.weight_hh_l0",
    "b_ih": "1.bias_ih_l0",
    "b_hh": "1.bias_hh_l0",
}


def weights():
    """Arrays of the package, which is not imported: it would download a dictionary."""
    found = importlib.util.find_spec("g2p_en")
    return np.load(Path(found.origin).parent / "checkpoint20.npz")


def part(arrays, name, rows):
    """The parameters of an embedding and a GRU."""
    state = {theirs: arrays[f"{name}_{ours}"] for ours, theirs in NAMES.items()}
    return interop.from_torch(serial(embedding(rows, WIDTH), gru(WIDTH)), (1,), state)


def test_words_are_pronounced_as_published():
    arrays = weights()
    encoder, (table, cell) = part(arrays, "enc", 29), part(arrays, "dec", 74)
    state = {"weight": arrays["fc_w"], "bias": arrays["fc_b"]}
    last = interop.from_torch(affine(74), (WIDTH,), state)

    def pronounced(word):
        ids = jnp.array([[LETTERS[letter] for letter in word] + [END_OF_WORD]])
        h = serial(embedding(29, WIDTH), gru(WIDTH, last=True)).apply(encoder, ids)
        phonemes = [BEGIN]
        while phonemes[-1] != END and len(phonemes) < 21:
            x = embedding(74, WIDTH).apply(table, jnp.array(phonemes[-1:]))
            h = gru_cell(WIDTH).apply(cell, (h, x))
            phonemes.append(int(affine(74).apply(last, h).argmax()))
        return " ".join(PHONEMES[each] for each in phonemes[1:-1])

    assert pronounced("activationist") == "AE2 K T IH0 V EY1 SH AH0 N IH0 S T"
