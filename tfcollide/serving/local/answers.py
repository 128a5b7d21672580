"""What the server answers, apart from the protocol it is asked in."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfcollide.serving.codes import Code, ServingError
from tfcollide.serving.local.batching import Batcher
from tfcollide.serving.local.loaded_model import DEFAULT_SIGNATURE, LoadedModel
from tfcollide.serving.local.model_store import ModelStore

__all__ = ["Answers", "check_classify"]


class Answers:
    """Predictions, classifications and metadata of the models of a store.

    Args:
        store: the models.
        batcher: runs them.
    """

    def __init__(self, store: ModelStore, batcher: Batcher):
        self.store = store
        self._batcher = batcher

    async def predict(
        self, model: LoadedModel, signature: str, inputs: Mapping[str, np.ndarray], output_filter: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature by name."""
        call = model.call(signature, inputs, output_filter)
        return dict(zip(call.names, await self._batcher.run(call), strict=True))

    async def classify(
        self, model: LoadedModel, signature: str, examples: Sequence[bytes]
    ) -> list[list[tuple[str | None, float | None]]]:
        """For every serialized tf.Example the label and score of every class; None where the model gives none."""
        definition = model.signatures.get(signature or DEFAULT_SIGNATURE)
        if definition is None:
            asked = signature or DEFAULT_SIGNATURE
            raise ServingError(
                Code.INVALID_ARGUMENT, f"No signature {asked}: expected one of {', '.join(sorted(model.signatures))}"
            )
        check_classify(definition)
        if not examples:
            raise ServingError(Code.INVALID_ARGUMENT, "There is no example")
        outputs = await self.predict(model, signature, {"inputs": np.array(examples, object)})
        rows = len(examples)
        labels = [[label.decode(errors="replace") for label in row] for row in outputs.get("classes", ())]
        scores = outputs["scores"].tolist() if "scores" in outputs else []
        width = len(labels[0]) if labels else len(scores[0])
        nothing = [[None] * width] * rows
        return [list(zip(*pair, strict=True)) for pair in zip(labels or nothing, scores or nothing, strict=True)]


def check_classify(signature: meta_graph_pb2.SignatureDef) -> None:
    """Raises `ServingError` unless a signature is in the tf.Example form."""
    if signature.method_name != tf.saved_model.CLASSIFY_METHOD_NAME:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"method_name {signature.method_name or 'none'}: expected {tf.saved_model.CLASSIFY_METHOD_NAME}",
        )
    if set(signature.inputs) != {"inputs"} or not set(signature.outputs) <= {"classes", "scores"}:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            "A signature for Classify has the input 'inputs' and no outputs but 'classes' and 'scores'",
        )
