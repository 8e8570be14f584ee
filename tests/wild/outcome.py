"""What a row of the table means: the checker's verdict beside the truth."""

RIGHT, FOUND, ALARM, MISS = "rightly right", "true find", "FALSE ALARM", "miss"
STOPPED, CRASH, REFUSED, UNCLEAR = "stopped", "crash", "refused", "unclear"
NEARLY = "to the letter"  # the gradient is of a function that is meant as an approximation
ELSEWHERE = "true elsewhere"  # right at the arguments given, wrong where the checker says so
OUTCOMES = (RIGHT, FOUND, ELSEWHERE, ALARM, MISS, NEARLY, STOPPED, CRASH, REFUSED, UNCLEAR)


def outcome(verdict: str, truth: str, elsewhere: list[str] | None = None) -> str:
    """The outcome of a check; truths begin with `agrees`, `disagrees`, `nearly` or `unclear`.

    `elsewhere` are truths at other points at which the checker says that the gradient is wrong: if
    it is wrong there, that is no false alarm. What the truth cannot decide is counted neither for
    the checker nor against it.
    """
    if verdict not in ("right", "wrong"):
        return verdict
    what = truth.split(maxsplit=1)[0].strip(",:")
    if verdict == "wrong" and what != "disagrees":
        if any(one.startswith("disagrees") for one in elsewhere or []):
            return ELSEWHERE
        if any(one.startswith("nearly") for one in elsewhere or []):
            return NEARLY
    if what not in ("agrees", "disagrees"):
        return NEARLY if what == "nearly" else UNCLEAR
    return {
        ("right", "agrees"): RIGHT,
        ("wrong", "disagrees"): FOUND,
        ("wrong", "agrees"): ALARM,
        ("right", "disagrees"): MISS,
    }[verdict, what]
