"""The classifier of the paper's section 3.1: a ReLU perceptron with two hidden layers.

Every weight and bias is drawn from a unit normal, as in Damien's example, which
the paper took. The initializer matters: it leaves the rows of the first layer
nearly orthogonal and about sqrt(H W C) long, and the paper's distances come from
that geometry.
"""

from typing import Any

from tfcollide.errors import RequestError
from tfcollide.shapes import Bounds, ImageShape

__all__ = ["BOUNDS", "VARIANT", "Mlp", "build_mlp", "tap_names"]

BOUNDS = Bounds(0.0, 1.0)


def tap_names(hidden_units: tuple[int, ...]) -> list[str]:
    """The names of the ReLU layers, from the input on."""
    return [f"hidden_{i + 1}" for i in range(len(hidden_units))]


def build_mlp(shape: ImageShape, num_classes: int, *, hidden_units: tuple[int, ...], initializer: str, seed: int) -> Any:
    """Builds the untrained network.

    Args:
        shape: `(H, W, C)` of the images, which are in `BOUNDS`.
        num_classes: L.
        hidden_units: the width of each hidden layer.
        initializer: "unit_normal" for weights and biases both; or the name of a
            Keras initializer for the weights, with biases of zero.
        seed: of the initial values.

    Returns:
        A `keras.Model`: `[N, H, W, C]` -> logits `[N, L]`.

    Raises:
        RequestError: Keras knows no such initializer.
    """
    import keras  # here, so that the names of the taps cost no import

    seeds = iter(range(1000 * seed, 1000 * seed + 1000))

    def dense(units: int, name: str) -> Any:
        kernel, bias = _initializers(initializer, next(seeds), next(seeds))
        return keras.layers.Dense(units, kernel_initializer=kernel, bias_initializer=bias, name=name)

    images = keras.Input(shape, name="images")
    x = keras.layers.Flatten(name="flatten")(images)
    for i, (units, tap) in enumerate(zip(hidden_units, tap_names(hidden_units), strict=True)):
        x = keras.layers.ReLU(name=tap)(dense(units, f"dense_{i + 1}")(x))
    return keras.Model(images, dense(num_classes, "logits")(x), name="mlp")


def _initializers(name: str, kernel_seed: int, bias_seed: int) -> tuple[Any, Any]:
    import keras

    if name == "unit_normal":
        return tuple(keras.initializers.RandomNormal(0.0, 1.0, seed=seed) for seed in (kernel_seed, bias_seed))
    try:
        kernel = keras.initializers.get({"class_name": name, "config": {"seed": kernel_seed}})
    except (ValueError, TypeError) as error:
        raise RequestError(
            f"--initializer={name}", "unit_normal or a Keras initializer with a seed, such as GlorotUniform or HeNormal"
        ) from error
    return kernel, "zeros"


class Mlp:
    """The perceptron as a network that is trained here."""

    bounds = BOUNDS
    tap_names = staticmethod(tap_names)
    build = staticmethod(build_mlp)


VARIANT = Mlp
