"""Numbers as people read them."""

import math

__all__ = ["rounded_down", "significant"]


def significant(value: float, digits: int = 3) -> str:
    """So many digits, and up to a million no exponent: 1,010 and not 1.01e+03."""
    rounded = float(f"{value:.{digits}g}")
    whole = min(10**digits, 1000) <= abs(rounded) < 1e6 and rounded == round(rounded)
    return f"{rounded:,.0f}" if whole else f"{value:.{digits}g}"


def rounded_down(value: float) -> str:
    """Three digits, rounded down: of what is proven, where more is not."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return significant(math.floor(value / step) * step)
