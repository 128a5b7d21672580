"""Functions that TensorFlow compiles, each counted by itself."""

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import tensorflow as tf

__all__ = ["compiled"]

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def compiled(
    function: Callable[_Given, _Found], *, input_signature: Sequence[tf.TensorSpec] | None = None, by_xla: bool = False
) -> Callable[_Given, _Found]:
    """`function` as `tf.function` compiles it, without AutoGraph.

    TensorFlow counts tracings by a function's code, and so takes those of several networks or searches for one function that is
    traced again and again, and warns. A partial has no code, and is counted by itself.

    Args:
        function: of tensors.
        input_signature: of its arguments; None: whatever it is called with, each signature once.
        by_xla: whether XLA compiles it.
    """
    jit = True if by_xla else None  # False would forbid it where a device needs it
    return tf.function(functools.partial(function), input_signature=input_signature, jit_compile=jit, autograph=False)
