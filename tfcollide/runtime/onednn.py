"""Which library computes convolutions on a CPU."""

import os
import platform
import sys

__all__ = ["prefer_onednn"]


def prefer_onednn() -> None:
    """Has oneDNN compute convolutions on every x86 CPU.

    Without AVX512_VNNI TensorFlow leaves them to Eigen, which takes about twice as long. Who has imported TensorFlow
    before, or has set TF_ENABLE_ONEDNN_OPTS, has chosen already.
    """
    # Elsewhere oneDNN's convolutions may be Winograd's, which proofs do not cover.
    if platform.machine() == "x86_64" and "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
