"""A SavedModel: what it may do, and its graph.

A SavedModel is a program: its graph may hold operations that read and write files,
and loading may run some. So whatever could run is compared with a list of
operations that only compute, before anything is loaded.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfcollide.errors import RequestError
from tfcollide.models.entry import Entry
from tfcollide.models.graph import Call

if TYPE_CHECKING:
    from tensorflow.core.framework import node_def_pb2
    from tensorflow.core.protobuf import saved_object_graph_pb2

__all__ = ["FrozenGraph", "check_operations", "load_frozen"]

_OPERATIONS = """
Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Any ApproximateEqual ArgMax ArgMin Asin Asinh
Assert Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpace BatchToSpaceND BiasAdd
BiasAddV1 Bitcast BroadcastArgs BroadcastTo Bucketize Case Cast Ceil CheckNumerics ClipByValue Concat ConcatV2 Const
Conv2D Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropInput Conv3DBackpropInputV2 Cos Cosh CropAndResize
Cross Cumprod Cumsum DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput Diag DiagPart Dilation2D
DisableCopyOnRead Div DivNoNan Einsum Elu EnsureShape Equal Erf Erfc Erfinv Exp ExpandDims Expm1 ExtractImagePatches
FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod
FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Gelu Greater GreaterEqual HSVToRGB Identity
IdentityN If ImageProjectiveTransformV2 ImageProjectiveTransformV3 Inv InvertPermutation IsFinite IsInf IsNan L2Loss LRN
LeakyRelu LeftShift Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LogicalXor MatMul
MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 Max MaxPool MaxPool3D
MaxPoolV2 MaxPoolWithArgmax Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Multinomial Neg NextAfter NoOp NotEqual
OneHot OnesLike Pack Pad PadV2 ParallelConcat ParameterizedTruncatedNormal PartitionedCall Placeholder
PlaceholderWithDefault Pow PreventGradient Prod QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
QuantizeAndDequantizeV4 RGBToHSV RandomGamma RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt Range Rank
ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor Reverse
ReverseV2 RightShift Rint Roll Round Rsqrt ScaleAndTranslate ScatterNd SegmentSum Select SelectV2 Selu Shape ShapeN Sigmoid
Sign Sin Sinh Size Slice Snapshot Softmax Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Sqrt
Square SquaredDifference Squeeze StatefulPartitionedCall StatelessCase StatelessIf StatelessMultinomial
StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal
StatelessTruncatedNormalV2 StatelessWhile StopGradient StridedSlice Sub Sum Tan Tanh TensorListConcatV2
TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem TensorListLength TensorListReserve
TensorListSetItem TensorListSplit TensorListStack TensorScatterAdd TensorScatterUpdate TensorStridedSliceUpdate Tile TopK
TopKV2 Transpose TruncateDiv TruncateMod TruncatedNormal Unique UniqueV2 Unpack UnsortedSegmentMax UnsortedSegmentSum
VarHandleOp VarIsInitializedOp Where While Xdivy Xlogy ZerosLike
"""
_COMPUTES = frozenset(_OPERATIONS.split())
_HARMLESS_OBJECTS = ("user_object", "variable", "constant", "function", "bare_concrete_function", "captured_tensor", None)
_MEND = "Say --allow_custom_code if you trust whoever made it, or bring a .keras file."
_SIGNATURE = "serving_default"
_ENDS = {"Softmax": tf.nn.softmax, "Sigmoid": tf.nn.sigmoid}
_RECTIFIERS = {"Relu": tf.nn.relu, "Relu6": tf.nn.relu6}
_NO_NAMES = ("StatefulPartitionedCall", "Maximum", "LeakyRelu", *_RECTIFIERS)


def check_operations(path: Path) -> None:
    """Refuses a SavedModel whose signature can do more than compute, or which runs something when it is loaded.

    What the signature does not reach, such as training, is neither run nor looked at.

    Raises:
        RequestError: naming the operation; or the file is damaged.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        graphs = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs
        graph = graphs[0]
    except Exception as error:  # DecodeError, IndexError or OSError
        raise RequestError(f"--model={path}, whose saved_model.pb cannot be read ({error})", "a whole SavedModel") from error
    if len(graphs) > 1 or not graph.HasField("object_graph_def"):  # loaded in another way, which runs nodes of the graph
        raise RequestError(f"--model={path}, a SavedModel of TensorFlow 1", "one that TensorFlow 2 has saved", _MEND)
    _check_objects(path, graph.object_graph_def.nodes)
    library = graph.graph_def.library
    bodies = {function.signature.name: function.node_def for function in library.function}
    # TensorFlow may run these in place of, or for the gradient of, what the signature reaches.
    beside = {function.signature.name for function in library.function if "api_implements" in function.attr}
    beside |= {each.gradient_func for each in (*library.registered_gradients, *library.gradient)}
    for name in _reached(bodies, _signature(graph.object_graph_def.nodes) | beside):
        for node in bodies[name]:
            if node.op not in _COMPUTES and node.op not in bodies:
                raise RequestError(f"--model={path}, whose graph holds {node.op}", "operations that only compute", _MEND)


def _check_objects(path: Path, entries: Sequence["saved_object_graph_pb2.SavedObject"]) -> None:
    """Refuses what would do something when it is loaded."""
    for entry in entries:
        kind = entry.WhichOneof("kind")
        if kind not in _HARMLESS_OBJECTS or entry.saveable_objects or entry.registered_saver:
            what = kind if kind not in _HARMLESS_OBJECTS else "saver of its own"
            raise RequestError(f"--model={path}, which loads a {what}", "variables and functions only", _MEND)


def _signature(entries: Sequence["saved_object_graph_pb2.SavedObject"]) -> set[str]:
    """The names of the functions that the signature is loaded as."""
    found = entries[:1]
    for name in ("signatures", _SIGNATURE):
        found = [entries[child.node_id] for entry in found for child in entry.children if child.local_name == name]
    names = {entry.bare_concrete_function.concrete_function_name for entry in found}
    return (names | {name for entry in found for name in entry.function.concrete_functions}) - {""}


def _reached(bodies: Mapping[str, Iterable["node_def_pb2.NodeDef"]], roots: set[str]) -> set[str]:
    """The functions that those named in `roots` call, themselves included."""
    waiting, seen = list(roots & set(bodies)), set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [called for node in bodies[name] for called in _called(node) if called in bodies]
    return seen


def _called(node: "node_def_pb2.NodeDef") -> Iterator[str]:
    """The names of functions that a node may call: its own, and all that its attributes hold."""
    yield node.op
    for value in node.attr.values():
        for function in (value.func, *value.list.func):
            yield function.name
            yield from (inner.func.name for inner in function.attr.values())


def load_frozen(path: Path) -> "FrozenGraph":
    """The serving signature of a SavedModel, its variables made constants.

    Raises:
        RequestError: it cannot be loaded, or its signature is not from images to one vector.
    """
    try:
        with ThreadPoolExecutor(1) as outside:  # of any `tf.distribute` scope, which would make copies of the variables
            frozen = outside.submit(_freeze, path).result()
    except Exception as error:  # a damaged file can make TensorFlow raise anything
        detail = " ".join(str(error).split())[:200]
        raise RequestError(
            f"--model={path}, which TensorFlow {tf.__version__} cannot load ({type(error).__name__}: {detail})",
            f"a whole SavedModel with the signature {_SIGNATURE}",
        ) from error
    if len(frozen.inputs) != 1 or len(frozen.outputs) != 1:
        raise RequestError(
            f"--model={path}, whose signature has {len(frozen.inputs)} inputs and {len(frozen.outputs)} outputs",
            "one input of images and one output",
        )
    dtype = frozen.inputs[0].dtype
    if not (dtype.is_floating or dtype.is_integer):
        raise RequestError(f"--model={path}, whose signature reads {dtype.name}", "one that reads the numbers of pixels")
    return FrozenGraph(frozen, path.name)


def _freeze(path: Path) -> Any:
    """The signature as a concrete function."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = tf.saved_model.load(str(path))  # holds the variables meanwhile
    return convert_variables_to_constants_v2(loaded.signatures[_SIGNATURE])


def _maximum_with_zero(operation: tf.Operation) -> Any:
    """A ReLU that is spelled as a maximum; None for anything else, and behind a ReLU, where it changes nothing."""
    if operation.type != "Maximum":
        return None
    constants = [tf.get_static_value(tensor) for tensor in operation.inputs if tensor.op.type == "Const"]
    zero = len(constants) == 1 and constants[0] is not None and constants[0].ndim == 0 and constants[0] == 0
    below = _not_constant(operation).op
    while below.type in ("Minimum", "Identity"):
        below = _not_constant(below).op
    return functools.partial(keras.ops.maximum, x2=0.0) if zero and below.type not in _RECTIFIERS else None


def _not_constant(operation: tf.Operation) -> Any:
    """The first tensor that an operation reads and that is not written in the graph."""
    return next((tensor for tensor in operation.inputs if tensor.op.type != "Const"), operation.inputs[0])


def _entrance(images: tf.Tensor) -> tuple[tf.Tensor, bool]:
    """Where images go in: behind the cast of whole numbers to floats, if that is all that is done with them; and whether."""
    tensor = images
    while not tensor.dtype.is_floating and [reader.type for reader in tensor.consumers()] in (["Identity"], ["Cast"]):
        tensor = tensor.consumers()[0].outputs[0]
    return (tensor, True) if tensor.dtype == tf.float32 and images.dtype != tf.float32 else (images, False)


class FrozenGraph:
    """What `graph.Graph` is for Keras models, for a function of TensorFlow; its calls are the ReLUs and the last step.

    Args:
        function: concrete, with one input and one output, without variables.
        name: for messages.
    """

    def __init__(self, function: tf.types.experimental.ConcreteFunction, name: str):
        self.name = name
        self.input_shape = tuple(function.inputs[0].shape)
        self.batch_size = self.input_shape[0]
        definition = self._definition = function.graph.as_graph_def()
        self._wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
        self._tensors: list[str] = []
        self._pruned: dict[tuple[tuple[int, ...], tuple[int, ...]], Any] = {}
        entrance, through = _entrance(function.inputs[0])
        self.source = self._number(entrance.name)
        self.entry = Entry(self.input_shape[1:], function.inputs[0].dtype, through)
        self.calls = self._rectifiers()
        last = self._wrapped.graph.get_tensor_by_name(function.outputs[0].name)
        while last.op.type == "Identity":
            last = last.op.inputs[0]
        self.result = self._number(last.name)
        if last.op.type in _ENDS:
            self.calls.append(self._call(last.op.type.lower(), _ENDS[last.op.type], last.op))
        elif self.giver(self.result) is None:
            self.calls.append(self._call("output", last.op.type, last.op))

    @property
    def serialized(self) -> bytes:
        """The graph, its constants included."""
        return self._definition.SerializeToString(deterministic=True)

    def run(self, known: Mapping[int, tf.Tensor], *wanted: int) -> list[tf.Tensor]:
        """As `Graph.run`."""
        missing = tuple(number for number in wanted if number not in known)
        # A value that is known cuts off all below it; the images are not asked for then.
        for feeds in (tuple(number for number in known if number != self.source), tuple(known)):
            if feeds and all(self._reaches(feeds, number) for number in missing):
                given = [self.entry(known[number]) if number == self.source else known[number] for number in feeds]
                found = self._prune(feeds, missing)(*given) if missing else []
                values = dict(known) | dict(zip(missing, found, strict=True))
                return [values[number] for number in wanted]
        raise RequestError(f"model {self.name}", "a value that can be computed from what is known")

    def decides(self, number: int) -> bool:
        """As `Graph.decides`."""
        return self._reaches((number,), self.result)

    def giver(self, number: int) -> Call | None:
        """As `Graph.giver`."""
        return next((call for call in self.calls if number in call.writes), None)

    def _prune(self, feeds: tuple[int, ...], wanted: tuple[int, ...]) -> Any:
        key = (feeds, wanted)
        if key not in self._pruned:
            inputs, outputs = ([self._tensors[number] for number in numbers] for numbers in (feeds, wanted))
            self._pruned[key] = self._wrapped.prune(inputs, outputs)
        return self._pruned[key]

    def _reaches(self, feeds: tuple[int, ...], wanted: int) -> bool:
        """Whether `wanted` needs no placeholder but those in `feeds`."""
        graph = self._wrapped.graph
        given = {self._tensors[number] for number in feeds}
        waiting, seen = [self._tensors[wanted]], set(given)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            operation = graph.get_tensor_by_name(name).op
            if operation.type == "Placeholder":
                return False
            waiting += [tensor.name for tensor in operation.inputs]
        return True

    def _rectifiers(self) -> list[Call]:
        found: dict[str, Call] = {}
        for operation in self._wrapped.graph.get_operations():
            level = operation.type == "LeakyRelu" and operation.get_attr("alpha") == 0
            rectifier = _RECTIFIERS.get("Relu" if level else operation.type) or _maximum_with_zero(operation)
            if rectifier is not None:
                parts = [part for part in operation.name.split("/") if part not in _NO_NAMES]
                name = parts[-1] if parts else operation.name
                times = sum(known.split(":")[0] == name for known in found)
                name = f"{name}:{times + 1}" if times else name
                found[name] = self._call(name, rectifier, operation)
        return list(found.values())

    def _call(self, name: str, operation: Callable[..., tf.Tensor], node: tf.Operation) -> Call:
        reads, writes = (self._number(_not_constant(node).name),), (self._number(node.outputs[0].name),)
        return Call(name, operation, reads, writes, tuple(node.outputs[0].shape[1:]), lambda values: [operation(*values)])

    def _number(self, tensor: str) -> int:
        if tensor not in self._tensors:
            self._tensors.append(tensor)
        return self._tensors.index(tensor)
