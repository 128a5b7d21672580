"""What XLA is asked to compile; gradients are tested beside the networks that lack them."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.classifier import Tap
from tfcollide.models.differentiable import check_compilable

NETWORK = SimpleNamespace(name="net", image_shape=(4, 4, 1))


def test_what_xla_compiles():
    check_compilable(NETWORK, Tap("relu", lambda images: tf.nn.avg_pool2d(images, 2, 2, "VALID")))


@pytest.mark.parametrize(
    ("pool", "why"),
    [
        (tf.nn.max_pool2d, "MaxPool gradient ops do not yet have a deterministic XLA implementation"),
        (lambda *given: tf.nn.max_pool_with_argmax(*given)[0], "No registered '"),
    ],
)
def test_what_xla_has_not(pool, why):
    tap = Tap("relu", lambda images: pool(images, 2, 2, "VALID"))
    with pytest.raises(RequestError, match=f"--xla with net, which XLA does not compile here .*{why}.*Leave --xla out"):
        check_compilable(NETWORK, tap)
