"""Numbers that stand for the rows of a table, by their names and values, and say nothing else."""

import re

import numpy as np

FEW = 20  # rows, below which a word that comes once may still be a category
_EACH = 5  # rows of each number, on average, below which a column named id is one
# Names of numbers that stand for a row, and names of those that may only count the rows.
_ID = re.compile(
    r"(?:.*[^A-Za-z])?(?:id|ID|Id|ids|uuid|guid|[pusc]id|[PUSC]ID)(?:num|_?no)?|.*[a-z](?:ID|Id)"
)
_ROW_NAMES = re.compile(r"row[._ ]?names?|unnamed: 0(?:\.\d+)?")  # by R and by pandas
_COUNT = re.compile(
    r"#|(?:.*[^a-z])?(?:index|idx|no|nr|num|number|nummer|row|rows|rownames?|obs|case|x|unnamed.*)\.?"
)
# Numbers that are given to people and to papers.
_GIVEN = re.compile(
    r"(?:.*[^a-z])?(?:customer|client|order|invoice|account|employee|staff|member|student|patient"
    r"|ticket|serial|policy|contract|item|article|case|phone|kunden|bestell|rechnungs|auftrags"
    r"|artikel|personal|mitglieds|matrikel|vertrags|beleg|telefon|lauf|serien)"
    r"[ ._-]*(?:no|nr|num|number|nummer)\.?"
)


def stands_for_rows(name: str, values: np.ndarray) -> str | None:
    """What is said of numbers that by their name and values stand for rows; None for others.

    >>> stands_for_rows("Nr.", np.arange(1.0, 9)), stands_for_rows("year", np.arange(1.0, 9))
    ('numbers the rows', None)
    """
    ordered = np.unique(values)
    distinct = len(ordered) == len(values) > 2 and not np.isnan(values).any()
    if distinct and _ROW_NAMES.fullmatch(name.lower()):
        return "names the rows"
    counted = distinct and ordered[0] in (0, 1) and bool((np.diff(ordered) == 1).all())
    if counted and _COUNT.fullmatch(name.lower()):
        return "numbers the rows"
    whole = bool((values == np.floor(values)).all())  # false where one is missing
    if whole and (_ID.fullmatch(name) or _GIVEN.fullmatch(name.lower())):
        if distinct:
            return "numbers the rows"
        if len(ordered) > FEW and len(values) < _EACH * len(ordered):
            return f"is an identifier by its name, with {len(ordered)} distinct numbers"
    return None
