"""Networks of `keras.applications`, with their preprocessing inside: they read RGB from 0 to 255.

The names cost no import of Keras.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from tfcollide.errors import RequestError

if TYPE_CHECKING:
    import keras

__all__ = ["APPLICATIONS", "RANDOM_MARK", "build", "title"]

RANDOM_MARK = "RANDOM WEIGHTS"
_CHANNEL_MEANS = (123.68, 116.779, 103.939)  # of ImageNet, RGB; the means and deviations below are the same, of 0..1
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class _Application(NamedTuple):
    """One row of the table.

    Attributes:
        function: of `keras.applications`.
        preprocessing: "caffe" (BGR less the mean), "tf" (-1..1) or "torch" (standardized).
        size: of the images that the published weights were made for.
    """

    function: str
    preprocessing: str
    size: int = 224


APPLICATIONS: dict[str, _Application] = {
    "vgg16": _Application("VGG16", "caffe"),
    "vgg19": _Application("VGG19", "caffe"),
    "resnet50": _Application("ResNet50", "caffe"),
    "resnet101": _Application("ResNet101", "caffe"),
    "resnet152": _Application("ResNet152", "caffe"),
    "mobilenet": _Application("MobileNet", "tf"),
    "mobilenet_v2": _Application("MobileNetV2", "tf"),
    "densenet121": _Application("DenseNet121", "torch"),
    "densenet169": _Application("DenseNet169", "torch"),
    "densenet201": _Application("DenseNet201", "torch"),
    "inception_v3": _Application("InceptionV3", "tf", 299),
    "xception": _Application("Xception", "tf", 299),
}
"""`--model=NAME` -> what it is."""


def title(name: str, weights: str) -> str:
    """What tables call it; loud where the weights mean nothing."""
    return f"{name} ({RANDOM_MARK})" if weights == "random" else name


def build(name: str, weights: str, *, image_size: int | None = None, seed: int = 0) -> Any:
    """The network, RGB 0..255 -> probabilities of ImageNet's 1,000 classes.

    Args:
        name: a key of `APPLICATIONS`.
        weights: "imagenet" (downloaded by Keras, or from its cache), "random", or a file of weights.
        image_size: height and width; None is the application's own.
        seed: of random weights.

    Raises:
        RequestError: the weights cannot be had, or do not fit.
    """
    import keras

    if weights == "random":  # the seed is everybody's; with weights that are told nothing is drawn
        keras.utils.set_random_seed(seed)
    application = APPLICATIONS[name]
    size = image_size or application.size
    images = keras.Input((size, size, 3), name="images")
    make = getattr(keras.applications, application.function)
    try:
        return make(weights=None if weights == "random" else weights, input_tensor=_preprocess(images, application))
    except Exception as error:  # no connection, a damaged file, weights of another network, a size that does not fit
        detail = " ".join(str(error).split())[:160]
        what = f"--model={name} --weights={weights}" + (f" --image_size={image_size}" if image_size else "")
        raise RequestError(
            f"{what}, which Keras cannot load ({type(error).__name__}: {detail})",
            f"weights of {application.function} with 1,000 classes",
            "Without a connection give a file, --weights=FILE, or say --weights=random.",
        ) from error


def _preprocess(images: "keras.KerasTensor", application: _Application) -> Any:
    """What `preprocess_input` of the application does, as layers."""
    import keras

    if application.preprocessing == "caffe":
        means = [-mean for mean in reversed(_CHANNEL_MEANS)]
        return keras.layers.Rescaling(1.0, means, name="preprocess")(keras.ops.flip(images, axis=-1))
    if application.preprocessing == "tf":
        return keras.layers.Rescaling(1 / 127.5, -1.0, name="preprocess")(images)
    scale = [1 / (255 * deviation) for deviation in _DEVIATIONS]
    offset = [-mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)]
    return keras.layers.Rescaling(scale, offset, name="preprocess")(images)
