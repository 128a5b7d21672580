"""Numbers as people read them."""

import math

__all__ = ["floored", "rounded_down", "significant"]


def significant(value: float, digits: int = 3) -> str:
    """So many digits, and up to a million no exponent: 1,010 and not 1.01e+03."""
    rounded = float(f"{value:.{digits}g}")
    whole = min(10**digits, 1000) <= abs(rounded) < 1e6 and rounded == round(rounded)
    return f"{rounded:,.0f}" if whole else f"{value:.{digits}g}"


def rounded_down(value: float) -> str:
    """Three digits, rounded down: of what is proven, where more is not."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return significant(floored(value, 3))


def floored(value: float, digits: int) -> float:
    """The largest number of so many digits that is not above a finite one other than zero."""
    step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    return min(value, float(f"{math.floor(value / step) * step:.{digits}g}"))
