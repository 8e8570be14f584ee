"""Forms of files that are taken for those that fnet reads, and what to do with them."""

from pathlib import Path

from fnet.data.finding import SUFFIXES as IMAGES
from fnet.files.characters import SUFFIXES as TEXTS

JSON = (".json", ".jsonl", ".ndjson")
TABLES = (
    *(".xls", ".xlsx", ".ods", ".parquet", ".feather", ".arff", ".html", ".sav", ".dta"),
    *JSON,
)
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


def instead_of(path: Path) -> str:
    """The end of a message on such a file; nothing for others.

    >>> instead_of(Path("photos.zip")), instead_of(Path("notes.pdf"))
    ('; unpack it first', '')
    """
    suffix = path.suffix.lower()
    if suffix in TABLES:
        saved = "" if suffix in JSON else ", and save it as .csv"
        return f"; of a table, name the column to predict with --target{saved}"
    if suffix in TEXTS:
        return "; of a text, leave --model out, or name one that learns it (fnet train --help)"
    if suffix in ARCHIVES:
        return "; unpack it first"
    if suffix in IMAGES:
        return "; pass the folder that holds one folder of images per class"
    if suffix == ".npy":
        return "; put images and labels into one: np.savez('set.npz', images=x, labels=y)"
    return ""
