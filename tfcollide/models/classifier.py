"""A frozen Keras classifier, and its taps.

The model owns its bounds and its preprocessing: images go in as they are optimized, checked and saved.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfcollide.errors import listed
from tfcollide.models.dense_chain import DenseChain, Unreadable, read_chain, with_zero
from tfcollide.models.fixed_batch import for_any_batch
from tfcollide.models.graph import Call, Graph
from tfcollide.models.logits import Logits, find_logits
from tfcollide.models.rectifier import Rectifier
from tfcollide.models.replicas import AnyGraph, SplitGraph
from tfcollide.models.saved_loss import SavedLoss
from tfcollide.models.saved_model import FrozenGraph
from tfcollide.models.taps import Place, default_tap, find_taps, look_up
from tfcollide.runtime.compiled import compiled
from tfcollide.shapes import Bounds, ImageShape, PixelRange

__all__ = ["Activations", "Classifier", "Judgment", "Tap", "Way"]

_BATCH, _MIXTURES, _BATCH_BYTES = 500, 2_000, 2**29


class Activations(NamedTuple):
    """Both sides of a ReLU.

    Attributes:
        pre_activation: `[N, U]`, W x + b.
        post_activation: `[N, U]`, max(pre_activation, 0), and no more than the ceiling where the ReLU has one.
    """

    pre_activation: tf.Tensor
    post_activation: tf.Tensor


class Judgment(NamedTuple):
    """What a classifier says of images.

    Attributes:
        logits: `[n, L]` float32.
        probabilities: `[n, L]` float32, their softmax; or of each label, the sigmoid.
        predicted: `[n]`, codes as of `Reading`: the class on top, int64; or the set of labels, Python integers.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray


class Tap(NamedTuple):
    """A ReLU layer of a frozen network, seen from both sides.

    Attributes:
        name: of the ReLU layer.
        pre_activation: images `[N, H, W, C]` -> `[N, U]`; differentiable in the images.
        unit_shape: `(U,)`, or `(H, W, C)` at a convolutional tap, whose units are flattened row by row.
        rectifier: what lies between the two sides.
        sole: whether the logits depend on the image through this tap alone. Where other
            branches go round it, equal features do not make equal logits.
    """

    name: str
    pre_activation: Callable[[tf.Tensor], tf.Tensor]
    unit_shape: tuple[int, ...] = ()
    rectifier: Rectifier = Rectifier()
    sole: bool = True

    def __call__(self, images: tf.Tensor) -> Activations:
        """Both sides of the ReLU for `images` `[N, H, W, C]`."""
        pre_activation = self.pre_activation(images)
        return Activations(pre_activation, self.rectifier(pre_activation))


class Way(NamedTuple):
    """The calls of a network, see `models.graph`, that lead from the images to a tap and to the logits.

    Attributes:
        calls: those that one of the two needs, in order.
        source: the number of the value that stands for the images.
        before: of the tap's pre-activation.
        logits: of the value that the logits are made of.
        plain: whether the logits are that value as it is, see `models.logits.Logits`.
        entry: the shape of the network's input; None in it where a size is open.
        dtype: of that input.
    """

    calls: tuple[Call, ...]
    source: int
    before: int
    logits: int
    plain: bool
    entry: tuple[int | None, ...]
    dtype: str


class Classifier:
    """A network whose weights do not change.

    Built under the scope of a `tf.distribute` strategy, as its model was, it splits its
    rows among the devices.

    Args:
        model: images `[N, H, W, C]` float32 -> logits or probabilities `[N, L]`; frozen by this class.
            Or the graph of a SavedModel.
        name: what tables call it.
        bounds: the pixel values it reads.
        class_names: one a logit; None: "class 0", "class 1", ...
        image_shape: `(H, W, C)`, where the model leaves a size open.
        outputs: what the model's outputs are, one of `outputs.OUTPUTS`.
        loss: that the model was trained with, where its file says so.

    Attributes:
        pixel_range: `bounds`, and how they were come by.
        reading: how logits are read.

    Raises:
        RequestError: the model cannot be followed, or is no classifier.
    """

    def __init__(
        self,
        model: keras.Model | FrozenGraph,
        *,
        name: str,
        bounds: Bounds,
        class_names: tuple[str, ...] | None = None,
        image_shape: ImageShape | None = None,
        outputs: str = "auto",
        loss: SavedLoss | None = None,
    ):
        if isinstance(model, keras.Model):
            model.trainable = False
        self.model = model
        self.name = name
        self.pixel_range = PixelRange(bounds, "as given")
        self.image_shape: ImageShape = image_shape or tuple(model.input_shape[1:])
        graph = for_any_batch(
            model if isinstance(model, FrozenGraph) else Graph(model, self.image_shape), self.image_shape, name
        )
        strategy = tf.distribute.get_strategy()
        self._devices = strategy.num_replicas_in_sync
        self._graph: AnyGraph = SplitGraph(graph, strategy) if tf.distribute.has_strategy() else graph
        self._taps = find_taps(graph)
        self._logits: Logits = find_logits(self._graph, name, self.image_shape, bounds, outputs, loss)
        self.reading = self._logits.reading
        self.class_names = class_names or tuple(f"class {i}" for i in range(self.num_classes))

    def __repr__(self) -> str:
        """In one line: what it reads, what it tells apart, and where features can be compared."""
        size = "x".join(map(str, self.image_shape))
        pixels = f"{size} pixels {self.bounds} ({self.pixel_range.how})"
        taps = listed(self.tap_names, "tap_names", shown=4) or "none"
        return f"Classifier({self.name}: {pixels}, {self.num_classes} classes, ReLUs {taps})"

    @property
    def bounds(self) -> Bounds:
        """The pixel values that the network reads."""
        return self.pixel_range.bounds

    @property
    def num_classes(self) -> int:
        """L; two where one output tells two classes apart."""
        return self.reading.classes

    @property
    def outputs(self) -> str:
        """What the model's outputs are, one of `outputs.OUTPUTS` but "auto"."""
        return self._logits.kind

    @property
    def doubt(self) -> str | None:
        """In what the end of the model and the loss saved with it contradict each other, if they do."""
        return self._logits.doubt

    def name_of(self, code: int) -> str:
        """What is shown for a code of `Judgment.predicted`: a class, or labels ("cat + dog")."""
        return self.reading.name(code, self.class_names)

    @property
    def graph(self) -> AnyGraph:
        """The calls that the network consists of."""
        return self._graph

    @property
    def logits_read(self) -> Logits:
        """Where in the graph the logits are, and how they are read there."""
        return self._logits

    def place(self, name: str) -> Place:
        """Where the ReLU `name` stands in the graph.

        Raises:
            RequestError: the network has no such ReLU.
        """
        return look_up(self._graph, self._taps, name, self.name)

    @functools.cached_property
    def chain(self) -> DenseChain | Unreadable:
        """The network as a chain of affine maps and ReLUs up to the logits, or why it is none."""
        if not self._logits.plain:
            return Unreadable(f"the outputs of {self.name} are probabilities that are not made of logits")
        chain = read_chain(self.graph, to_logits=True)
        return with_zero(chain) if self.outputs == "binary" and isinstance(chain, DenseChain) else chain

    @property
    def whole_numbers(self) -> str | None:
        """The type of integers that the network reads; None where it reads floats."""
        entry = self._graph.entry
        return entry.dtype.name if entry.whole_numbers else None

    def holds(self, bounds: Bounds) -> bool:
        """Whether what the network reads can take such pixels: unsigned integers are never below 0."""
        return self._graph.entry.holds(*bounds)

    @property
    def first_layers(self) -> list[Any]:
        """What images meet first, in order."""
        return [call.operation for call in self._graph.calls[:8]]

    @property
    def tap_names(self) -> list[str]:
        """The ReLUs, from the input on."""
        return list(self._taps)

    @property
    def default_tap(self) -> str:
        """The ReLU that is taken where none is named, see `taps.default_tap`."""
        return default_tap(self._graph, self._taps, self.name)

    def tap(self, name: str) -> Tap:
        """The tap at the ReLU `name`.

        Raises:
            RequestError: the network has no such ReLU.
        """
        place = self.place(name)
        shape = self._shape_of(place)
        units = math.prod(shape)

        def pre_activation(images: tf.Tensor) -> tf.Tensor:
            (values,) = self._graph.run({self._graph.source: images}, place.before)
            return tf.cast(tf.reshape(values, [-1, units]), tf.float32)

        return Tap(name, pre_activation, shape, place.rectifier, self._graph.decides(place.after))

    def way(self, tap_name: str) -> Way:
        """How images come to the tap and to the logits, call by call."""
        before = look_up(self._graph, self._taps, tap_name, self.name).before
        wanted, calls = {before, self._logits.value}, []
        for call in reversed(self._graph.calls):
            if wanted & set(call.writes):
                calls.append(call)
                wanted |= set(call.reads)
        entry = self._graph.entry
        ends = (self._graph.source, before, self._logits.value)
        return Way(tuple(calls[::-1]), *ends, self._logits.plain, tuple(entry.shape), entry.dtype.name)

    @functools.cached_property
    def sole_taps(self) -> list[str]:
        """The ReLUs that every path from the images to the logits passes, see `Tap.sole`."""
        return [name for name, place in self._taps.items() if self._graph.decides(place.after)]

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """`[N, L]` for `images` `[N, H, W, C]`; differentiable."""
        return self._logits.finish(*self._graph.run({self._graph.source: images}, self._logits.value))

    @functools.cache  # noqa: B019 (a classifier lives as long as its process)
    def both(self, tap_name: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Images `[N, H, W, C]` -> logits `[N, L]` and pre-activations `[N, U]` at a tap, in one pass."""
        place = self.place(tap_name)
        units = math.prod(self._shape_of(place))

        def look(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            top, values = self._graph.run({self._graph.source: images}, self._logits.value, place.before)
            return self._logits.finish(top), tf.cast(tf.reshape(values, [-1, units]), tf.float32)

        spec = tf.TensorSpec([None, *self.image_shape], tf.float32)
        return compiled(look, input_signature=[spec])

    @functools.cached_property
    def batch_size(self) -> int:
        """How many images are looked at in one go: 500 a device, or as many as half a GiB has room for."""
        return self._devices * min(_BATCH, self._room)

    @functools.cached_property
    def mixture_batch(self) -> int:
        """How many mixtures are judged in one go: as `batch_size`, but up to 2,000 of a small network."""
        return self._devices * min(_MIXTURES, self._room)

    @functools.cached_property
    def _room(self) -> int:
        """How many images half a GiB has room for, at least one."""
        sizes = [math.prod(n or 1 for n in call.shape) for call in self._graph.calls]
        return max(1, _BATCH_BYTES // (16 * max(sizes, default=1)))

    @property
    def forward_bytes(self) -> int:
        """What all values of a forward pass of one image take."""
        return 4 * sum(math.prod(n or 1 for n in call.shape) for call in self._graph.calls)

    def judge(self, images: np.ndarray) -> Judgment:
        """Classifies `images` `[n, H, W, C]`, float32 in `bounds`, a batch at a time."""
        size = self.batch_size
        batches = [self._compiled(tf.constant(images[i : i + size])) for i in range(0, len(images), size)]
        logits = np.concatenate([batch.numpy() for batch in batches])
        return Judgment(logits, self.reading.chances(logits).numpy(), self.reading.predicted(logits))

    @functools.cached_property
    def _compiled(self) -> Callable[[tf.Tensor], tf.Tensor]:
        spec = tf.TensorSpec([None, *self.image_shape], tf.float32)
        return compiled(self.logits, input_signature=[spec])

    def _shape_of(self, place: Place) -> tuple[int, ...]:
        """The shape of a tap's units, found by trial where the model leaves a size open."""
        known = tuple(n for n in place.shape if n is not None)
        if len(known) == len(place.shape):
            return known
        image = tf.zeros([1, *self.image_shape])
        return tuple(self._graph.run({self._graph.source: image}, place.before)[0].shape[1:])
