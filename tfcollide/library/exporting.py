"""A network, or the hull of corners, as a SavedModel that TF Serving and plain TensorFlow load."""

from pathlib import Path

from tfcollide.exports.parts import Subject
from tfcollide.exports.version_directory import check_version_path
from tfcollide.exports.warmup import check_protos
from tfcollide.exports.write_saved_model import write_saved_model
from tfcollide.library.calling import called
from tfcollide.library.found import Found
from tfcollide.library.judging import judged_problem
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.hull.mixing import convex_weights
from tfcollide.registry import EXPORTS

__all__ = ["export"]


def export(network: Classifier, found: Found, out: str | Path, *, what: str = "classifier") -> Path:
    """Writes a SavedModel with the signatures that `collide-export` gives it.

    Args:
        network: of `wrap`.
        found: the corners, for a target that is an image.
        out: BASE/NAME/VERSION, such as "models/digits/1", which must not exist.
        what: "classifier", or "mixture", the hull of the corners judged by the network.

    Returns:
        `out`.

    Raises:
        RequestError: the path is none, or there is no such export.

    Examples:
        >>> tc.export(network, found, place / "small" / "1").name
        '1'
    """
    with called():
        path = Path(out).absolute()
        check_version_path(path)
        EXPORTS.check(what)
        check_protos()
        problem, solution, _ = judged_problem(network, found)
        subject = Subject(
            classifier=network,
            tap=problem.tap,
            corners=found.corners,
            convex_weights=convex_weights(100, len(found.corners)),
            target=problem.start if problem.goal_image is None else problem.goal_image,
            stop_loss=float(max(solution.stop_loss)),
        )
        labels = "".join(f"{name}\n" for name in network.class_names).encode()
        write_saved_model(path, EXPORTS.load(what)(subject), {"labels.txt": labels})
        return path
