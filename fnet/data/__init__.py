"""Data: datasets of files and arrays, transforms, splits, batches and augmentation.

A dataset holds samples in a fixed order; a transform is a pure function on a batch; batches are
dictionaries of fresh NumPy arrays, in an order that is a function of seed and epoch; an
augmentation changes images at random, in training alone.

>>> import numpy as np
>>> images = np.arange(10 * 4 * 4 * 3, dtype=np.uint8).reshape(10, 4, 4, 3)
>>> dataset = memory({"image": images, "label": np.arange(10) % 2}, classes=("cat", "dog"))
>>> parts = split(dataset, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
>>> mean, std = mean_and_std(parts["train"], transform=rescale())
>>> prepare = compose(rescale(), normalize(mean, std), flatten())
>>> [prepare(batch["image"]).shape for batch in batches(parts["train"], batch_size=4)]
[(4, 48), (2, 48)]
"""

from fnet.data.archive import npz_images, npz_parts
from fnet.data.augmentation import (
    Augmentation,
    augment,
    brightness,
    contrast,
    crop,
    cutout,
    flip,
    mixup,
)
from fnet.data.batches import PADDING, batches, epoch_order
from fnet.data.cifar import cifar10
from fnet.data.dataset import Dataset, Memory, memory, split
from fnet.data.divided import image_parts
from fnet.data.image_table import image_table
from fnet.data.images import ImageFolder, image_folder
from fnet.data.language import surprisal, synthetic_text, text_entropy
from fnet.data.packing import Packed, packed
from fnet.data.parts import Divided
from fnet.data.sets import download_cifar10
from fnet.data.statistics import class_weights, column_means, mean_and_std, min_max
from fnet.data.synthetic import synthetic_images
from fnet.data.tables import Table, csv_columns, csv_table
from fnet.data.text import Text, Vocabulary, split_text, text_windows
from fnet.data.text_parts import text_parts
from fnet.data.transforms import Transform, compose, fill_missing, flatten, normalize, rescale
from fnet.data.two_classes import binarize, thresholds
from fnet.data.words import LabelledTexts, Words, csv_texts, learn_words
from fnet.data.workers import Workers
from fnet.files.images import read_image
from fnet.files.unpickle import read_pickle

__all__ = [
    "PADDING",
    "Augmentation",
    "Dataset",
    "Divided",
    "ImageFolder",
    "LabelledTexts",
    "Memory",
    "Packed",
    "Table",
    "Text",
    "Transform",
    "Vocabulary",
    "Words",
    "Workers",
    "augment",
    "batches",
    "binarize",
    "brightness",
    "cifar10",
    "class_weights",
    "column_means",
    "compose",
    "contrast",
    "crop",
    "csv_columns",
    "csv_table",
    "csv_texts",
    "cutout",
    "download_cifar10",
    "epoch_order",
    "fill_missing",
    "flatten",
    "flip",
    "image_folder",
    "image_parts",
    "image_table",
    "learn_words",
    "mean_and_std",
    "memory",
    "min_max",
    "mixup",
    "normalize",
    "npz_images",
    "npz_parts",
    "packed",
    "read_image",
    "read_pickle",
    "rescale",
    "split",
    "split_text",
    "surprisal",
    "synthetic_images",
    "synthetic_text",
    "text_entropy",
    "text_parts",
    "text_windows",
    "thresholds",
]
