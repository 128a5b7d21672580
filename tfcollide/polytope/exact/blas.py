"""One BLAS thread for small matrices.

OpenBLAS wakes all its threads for products that one does in a fraction of a
millisecond; beside other threads that cost the corners half of their time.
"""

import contextlib
import functools
from collections.abc import Iterator

import threadpoolctl

__all__ = ["one_blas_thread"]


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Holds BLAS to one thread inside; a context manager, and a decorator of functions."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()
