"""The gradient itself, as in the paper's section 3.1."""

from tfcollide.optimize.update_rules import UpdateRule

__all__ = ["VARIANT", "GradientDescent", "gradient_descent"]


def gradient_descent() -> UpdateRule:
    """The gradient itself."""
    return UpdateRule(lambda x: (), lambda gradient, slots, step: (gradient, slots))


class GradientDescent:
    """`--optimizer=gradient_descent`."""

    rate = "0.01"

    @staticmethod
    def build(*, led: bool = False) -> UpdateRule:
        """The same however the search is led."""
        return gradient_descent()


VARIANT = GradientDescent
