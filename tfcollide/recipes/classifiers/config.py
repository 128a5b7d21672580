"""What is asked of a network: fields here are flags of the command line.

Nothing in this module imports TensorFlow, so a bad value is refused at once.
"""

import dataclasses
import os
from typing import Self

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.models.model_file import kind_of
from tfcollide.models.outputs import OUTPUTS
from tfcollide.settings import at_least as _at_least
from tfcollide.settings import carrying_variants
from tfcollide.settings import flag as _flag
from tfcollide.settings import positive as _positive

__all__ = ["NetworkConfig", "TrainConfig"]

_FOLDER = "folder:"
_SEEDS = 2**32 // 1000  # NumPy takes seeds below 2^32, and each layer has a thousand of its own


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class TrainConfig:
    """A classifier: its data set and how it is trained."""

    dataset: str | None = _flag(None, "Data set: digits (embedded), or a TFDS name such as mnist. Default: digits.")
    data_dir: str | None = _flag(None, "Folder of prepared TFDS data sets. Default: $TFDS_DATA_DIR, else TFDS's own.")
    model: str = _flag("mlp", "What to train: mlp.")
    model_dir: str | None = _flag(None, "Folder where trained models are kept. Default: tfcollide in the user's cache folder.")
    cache: bool = _flag(
        True, "Keep what is found out about a network and a data set in --model_dir, and use what is there; --no_cache: do not."
    )
    hidden_units: str = _flag("256,256", "Widths of the hidden layers; their ReLUs are hidden_1, hidden_2, ...")
    initializer: str = _flag("unit_normal", "unit_normal (weights and biases), or a Keras initializer such as HeNormal.")
    epochs: int = _flag(0, "Passes over the training split; 0: 30, or more on a small data set.")
    batch_size: int = _flag(250, "Training images per step.")
    train_learning_rate: float = _flag(2e-2, "Adam's learning rate, decayed to zero by a cosine.")
    train_seed: int = _flag(0, "Seed of the initial weights and of the order of the images.")

    def hidden_widths(self) -> tuple[int, ...]:
        """`hidden_units` as numbers."""
        parts = self.hidden_units.split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            raise RequestError(f"--hidden_units={self.hidden_units}", "positive widths such as 256,256")
        return tuple(int(part) for part in parts)

    def dataset_name(self) -> str:
        """`dataset`, or its default."""
        if self.dataset is not None:
            return self.dataset
        return "digits" if kind_of(self.model) == "trained" else "none"

    def resolved(self) -> Self:
        """The same with default folders filled in and paths absolute, so that any folder will do."""
        data_dir = self.data_dir or os.environ.get("TFDS_DATA_DIR")
        dataset = self.dataset_name()
        folder = dataset.removeprefix(_FOLDER)
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return dataclasses.replace(
            self,
            data_dir=_absolute(data_dir) if data_dir else None,
            dataset=_FOLDER + _absolute(folder) if folder != dataset else dataset,
            model=_absolute(self.model) if kind_of(self.model) == "file" else self.model,
            model_dir=_absolute(self.model_dir or f"{cache}/tfcollide"),
        )

    def check(self) -> None:
        """Raises `RequestError` for a value that no data set or model can make right."""
        self.hidden_widths()
        _at_least(self, 0, "epochs", "train_seed")
        if self.train_seed >= _SEEDS:
            raise RequestError(f"--train_seed={self.train_seed}", f"a number below {_SEEDS}")
        _at_least(self, 1, "batch_size")
        _positive(self, "train_learning_rate")


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class NetworkConfig(TrainConfig):
    """A classifier that is trained here, or one that exists already."""

    dataset: str | None = _flag(
        None,
        "Data set: digits (embedded), a TFDS name such as mnist, folder:PATH, or none. Default: digits; none with a network "
        "that is not trained here.",
    )
    model: str = _flag(
        "mlp", "mlp, trained on the data set when first asked for; vgg16, resnet50, ...; a .keras or .h5 file; a SavedModel."
    )
    weights: str | None = _flag(
        None,
        "Weights of vgg16, resnet50, ...: imagenet (the default), random, or an .h5 file.",
        choices=("imagenet", "random"),
        path=True,
    )
    labels: str | None = _flag(
        None, "A file with a class name per line. Default: the data set's names, if as many, or ImageNet's.", path=True
    )
    allow_custom_code: bool = _flag(False, "Load a model file even if it carries code, which can do all that you can.")
    pixel_range: str | None = _flag(
        None,
        "The pixel values of black and white that a model file expects. Default: read from its first layers; else the one of "
        "0,1, -1,1 and 0,255 in which labels of test images are most likely; else 0,255.",
    )
    outputs: str = _flag(
        "auto",
        "What the outputs of a network that you bring mean: probabilities or logits of classes; binary, one output for two "
        "classes; multilabel, one per label; auto: read from its last activation, else from the loss saved with it.",
        choices=OUTPUTS,
    )
    image_size: int | None = _flag(None, "Height and width of images, where the model leaves them open. Default: 224.")
    precision: str = _flag(
        "float32", "Arithmetic of a network that you bring.", choices=("float32", "mixed_bfloat16", "mixed_float16")
    )


def _absolute(path: str) -> str:
    return str(absolute(path))
