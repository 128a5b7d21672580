"""Two numbers in words, so that a reader sees that they differ."""

__all__ = ["percents", "shares"]

_MOST_DIGITS = 4


def shares(one: float, other: float) -> tuple[str, str]:
    """Both with two digits behind the point, or with as many as it takes to tell them apart."""
    return _apart(one, other, "f", 2)


def percents(one: float, other: float) -> tuple[str, str]:
    """Both shares in whole percent, or with as many digits as it takes to tell them apart."""
    first, second = (text.rstrip("%") for text in _apart(one, other, "%", 0))
    return f"{first} %", f"{second} %"


def _apart(one: float, other: float, kind: str, digits: int) -> tuple[str, str]:
    texts = f"{one:.{digits}{kind}}", f"{other:.{digits}{kind}}"
    return texts if texts[0] != texts[1] or one == other or digits >= _MOST_DIGITS else _apart(one, other, kind, digits + 1)
