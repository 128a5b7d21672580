"""The page's script outside of a browser: its functions, called from Python."""

import functools
import json

import numpy as np
from py_mini_racer import MiniRacer

from tfcollide.report.explore.layers import Layers
from tfcollide.report.explore.page import PageNetwork, script

__all__ = ["call", "judge_all"]

_JUDGE = """
function judgeAll(network, images, names) {
  const whole = {
    ...network,
    weights: network.weights.map((w) => Float32Array.from(w)),
    post_activation: Float32Array.from(network.post_activation),
    active: Uint8Array.from(network.active),
  };
  return images.map((image) => {
    const pixels = Float32Array.from(image);
    return { ...judgeHere(whole, pixels, names), logits: Array.from(runNetwork(whole, pixels).logits) };
  });
}
"""


@functools.cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(script() + _JUDGE)
    return engine


def call(name: str, *arguments):
    """What the script's function `name` returns, as JSON types."""
    given = ",".join(json.dumps(argument, default=_plain) for argument in arguments)
    return json.loads(_engine().eval(f"JSON.stringify({name}({given}))"))


def judge_all(network: PageNetwork, images: np.ndarray, names) -> list[dict]:
    """What the page says of images, and the logits that it computes."""
    layers = network.layers
    assert isinstance(layers, Layers)
    content = layers._asdict() | {"ceiling": None if np.isinf(layers.ceiling) else layers.ceiling}
    content |= {"weights": [array.ravel() for array in layers.weights], "target_class": network.target_class}
    content |= {"post_activation": network.post_activation, "active": network.active.astype(int)}
    return call("judgeAll", content, images.reshape(len(images), -1), list(names))


def _plain(value):
    return value.tolist()
