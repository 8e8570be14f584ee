"""Dates in the spellings that mean one day only, as days since 1970."""

import datetime
import re
from collections.abc import Sequence

import numpy as np

_SOME = 64  # words that show what most are
EPOCH = datetime.datetime(1970, 1, 1)
_DAY = 86_400.0
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?"
_TIME = rf"(?:[T ,]+{_CLOCK}(?: ?(?:Z|UTC|GMT|[+-]\d{{2}}:?\d{{2}}))?)?"
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}[,.]? +", re.IGNORECASE)
TIME_OF_DAY = "hour:minute"
DURATION = "duration"
_DURATION = re.compile(
    r"(?:([+-]?\d+) days?,? )?([+-]?)(\d+):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?", re.IGNORECASE
)
COMPACT = "yearmonthday"
_MONTHS = {  # by their first letters in English, German, French, Spanish and Italian
    month: number
    for number, months in enumerate(
        (
            *("jan ene gen", "feb fév fev", "mar mär mrz", "apr avr abr", "may mai mag"),
            *("jun juin giu", "jul juil lug", "aug aoû aou ago", "sep set", "oct okt ott"),
            *("nov", "dec dez déc dic"),
        ),
        start=1,
    )
    for month in months.split()
}
_NAME = r"([^\W\d_]{3,10})\.?"
_SHORT = r"(\d{4}|\d{2})"  # of a year
_LAST = rf"(?:-(?=\d{{4}})|/){_SHORT}"  # 20-01-31 may begin with the year
_PIVOT = 69  # 69 is 1969, and 68 is 2068, as in POSIX
# Which groups are year, month and day. One order for a whole column.
_ORDERS = {
    "year-month-day": (rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}", (0, 1, 2)),
    "year/month/day": (rf"(\d{{4}})/(\d{{1,2}})/(\d{{1,2}}){_TIME}", (0, 1, 2)),
    "year.month.day": (rf"(\d{{4}})\.(\d{{2}})\.(\d{{2}}){_TIME}", (0, 1, 2)),
    "day.month.year": (rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_TIME}", (2, 1, 0)),
    "day.month.yy": (rf"(\d{{2}})\.(\d{{2}})\.(\d{{2}}){_TIME}", (2, 1, 0)),
    "day month year": (
        rf"(\d{{1,2}})\.?(?: de|)[ -]{_NAME}(?: de|)[ -]{_SHORT}{_TIME}",
        (2, 1, 0),
    ),
    "month day, year": (rf"{_NAME}[ -]+(\d{{1,2}}),?[ -]+(\d{{4}}){_TIME}", (2, 0, 1)),
    "month/day/year": (rf"(\d{{1,2}})[-/](\d{{1,2}}){_LAST}{_TIME}", (2, 0, 1)),
    "day/month/year": (rf"(\d{{1,2}})[-/](\d{{1,2}}){_LAST}{_TIME}", (2, 1, 0)),
    "year quarter": (rf"(\d{{4}})[ -]?(Q[1-4])(){_TIME}", (0, 1, 2)),
    "year week": (rf"(\d{{4}})[ -]?(W\d{{2}})(){_TIME}", (0, 1, 2)),
    "year month": (rf"(\d{{4}})[ -]{_NAME}(){_TIME}", (0, 1, 2)),
    "month/year": (rf"(\d{{1,2}})[-/](\d{{4}})(){_TIME}", (1, 0, 2)),
    "month year": (rf"{_NAME}[ -](\d{{4}})(){_TIME}", (1, 0, 2)),
    COMPACT: (rf"(\d{{4}})(\d{{2}})(\d{{2}}){_TIME}", (0, 1, 2)),
    TIME_OF_DAY: (rf"()()(){_CLOCK}", (0, 1, 2)),
    "year-month": (rf"(\d{{4}})[-/](\d{{2}})(){_TIME}", (0, 1, 2)),
}


def date_orders(words: Sequence[str]) -> list[str]:
    """The orders in which all of these are dates: none, one, or two that cannot be told apart.

    >>> date_orders(["2024-02-29", "2024-12-01 10:30"])
    ['year-month-day']
    >>> date_orders(["01/02/2024", "3/4/2024"])
    ['month/day/year', 'day/month/year']
    """
    return (
        [
            order
            for order in _ORDERS
            if not np.isnan(days_of(words[:1], order)).any()
            and not np.isnan(days_of(words, order)).any()
        ]
        if words
        else []
    )


def are_durations(words: Sequence[str]) -> bool:
    """Whether all of these are durations, such as 26:30:00 or 1 days 02:30:00, alike in parts.

    >>> are_durations(["0:59", "61:30"]), are_durations(["0:59", "1:01:30"])
    (True, False)
    """
    found = [_DURATION.fullmatch(word) for word in words]
    return all(found) and len({match[5] is None for match in found if match}) == 1


def most_are_dates(words: Sequence[str]) -> str | None:
    """The order in which at least half of these are dates, but not all: what a few spoil.

    >>> most_are_dates(["2024-01-02", "2024-01-03", "soon"]), most_are_dates(["soon", "later"])
    ('year-month-day', None)
    """
    some = words[:: max(1, len(words) // _SOME)]
    for order in _ORDERS:
        if len(words) > 2 and 2 * np.sum(~np.isnan(days_of(some, order))) >= len(some):
            return order
    return None


def are_compact(numbers: np.ndarray) -> bool:
    """Whether these numbers are all dates such as 20241231, of the years 1800 to 2199.

    >>> are_compact(np.array([20240229.0, 20241231.0])), are_compact(np.array([20240230.0]))
    (True, False)
    """
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if not len(distinct) or distinct[0] < 18_000_101 or distinct[-1] > 21_991_231:
        return False
    return not np.isnan(days_of_numbers(distinct)).any()


def days_of_numbers(numbers: np.ndarray) -> np.ndarray:
    """Days since the beginning of 1970 of numbers such as 20241231; NaN for what is no date.

    >>> days_of_numbers(np.array([19700102.0, 7.0, np.nan])).tolist()
    [1.0, nan, nan]
    """
    distinct, places = np.unique(numbers, return_inverse=True)
    words = [str(int(v)) if v == np.floor(v) else "" for v in distinct]
    found: np.ndarray = days_of(words, COMPACT)[places]
    return found


def days_of(words: Sequence[str], order: str) -> np.ndarray:
    """Days since the beginning of 1970, with fractions for times; NaN for what is no date.

    A year of two digits is one from 1969 to 2068. An offset from UTC is left aside: the time is the
    clock's that was written. So is the name of a weekday. A time without a date is a part of one
    day. A duration of two parts is taken as hours and minutes.

    >>> days_of(["1970-01-02 12:00", "today"], "year-month-day").tolist()
    [1.5, nan]
    >>> days_of(["6:00", "6:00 PM"], "hour:minute").tolist()
    [0.25, 0.75]
    """
    if order == DURATION:
        return np.array([_length(_DURATION.fullmatch(word)) for word in words], np.float64)
    pattern, places = _ORDERS[order]
    compiled = re.compile(pattern)
    plain = (_WEEKDAY.sub("", word, count=1) for word in words)
    return np.array([_days(compiled.fullmatch(word), places) for word in plain], np.float64)


def parts_of(days: np.ndarray, part: str) -> np.ndarray:
    """The sine and cosine (N, 2) of where in the "year", "week" or "day" each date lies.

    >>> parts_of(np.array([0.25]), "day").round(3).tolist()
    [[1.0, 0.0]]
    """
    length = {"year": 365.2425, "week": 7.0, "day": 1.0}[part]
    angle = 2 * np.pi * np.mod(days / length, 1.0)
    return np.stack((np.sin(angle), np.cos(angle)), axis=-1)


def cycles_of(days: np.ndarray) -> list[str]:
    """The parts by which these dates (N,) differ, beyond one after another.

    The year's where they span more than one; the week's where weekdays differ and there is a date
    or more in each; the day's where times differ.

    >>> cycles_of(np.array([0.0, 7.0, 14.0])), cycles_of(np.array([0.0, 1.0, 400.25]))
    ([], ['year', 'day'])
    """
    known = days[~np.isnan(days)]
    if not len(known):
        return []
    found = ["year"] if np.ptp(known) > 365 else []
    dates = np.unique(np.floor(known))
    if len(np.unique(dates % 7)) > 1 and np.ptp(dates) <= 7 * (len(dates) - 1):
        found.append("week")
    return [*found, "day"] if len(np.unique(known % 1.0)) > 1 else found


def _length(found: re.Match[str] | None) -> float:
    """A duration in days; -1 days +06:00:00 is 18 hours below 0."""
    if found is None:
        return np.nan
    days, sign, hours, minutes, seconds = found.groups()
    rest = (int(hours) + (int(minutes) + float(seconds or 0) / 60) / 60) / 24
    return int(days or 0) + (-rest if sign == "-" else rest)


def _days(found: re.Match[str] | None, places: tuple[int, int, int]) -> float:
    if found is None:
        return np.nan
    groups = found.groups()
    year, month, day = (groups[place] for place in places)
    if month.startswith("Q"):
        month = str(3 * int(month[1]) - 2)
    if len(year) == 2:
        year = str(int(year) + (1900 if int(year) >= _PIVOT else 2000))
    if month and month[0] not in "W0123456789":
        name = month.lower()
        month = str(_MONTHS.get(name[:4], _MONTHS.get(name[:3], 0)))
        if month == "0":
            return np.nan
    if re.fullmatch("W[0-9]{2}", month):
        return _monday(int(year), int(month[1:]))
    hour, minute, second = (int(group or 0) for group in groups[3:6])
    if groups[6]:
        if not 1 <= hour <= 12:
            return np.nan
        hour = hour % 12 + 12 * (groups[6] in "pP")
    try:
        date = datetime.datetime(
            int(year or 1970), int(month or 1), int(day or 1), hour, minute, second
        )
    except ValueError:
        return np.nan
    return (date - EPOCH).total_seconds() / _DAY


def _monday(year: int, week: int) -> float:
    """The first day of a week as ISO 8601 counts them; NaN if there is none."""
    try:
        return float((datetime.date.fromisocalendar(year, week, 1) - EPOCH.date()).days)
    except ValueError:
        return np.nan
