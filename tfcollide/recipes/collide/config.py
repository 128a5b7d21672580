"""What a run is asked to do: fields here are flags of the command line.

Nothing in this module imports TensorFlow, so a bad value is refused at once.
"""

import dataclasses
from typing import Any, Self

from tfcollide.errors import RequestError
from tfcollide.files.names import fits_in_line
from tfcollide.files.run_directory import absolute
from tfcollide.recipes.classifier.config import NetworkConfig, TrainConfig
from tfcollide.recipes.settings import at_least as _at_least
from tfcollide.recipes.settings import flag as _flag
from tfcollide.recipes.settings import positive as _positive

__all__ = ["HEADINGS", "PRESETS", "CollideConfig", "TrainConfig", "choices_of", "flags_text", "preset_values"]

HEADINGS = {
    "dataset": "The classifier and its data",
    "source": "What collides with what",
    "objective": "How corners are found",
    "interpolations": "How the hull is checked",
    "pairs": "Many pairs",
    "seed": "The run",
}
"""The first flag of each part of --help -> its heading."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollideConfig(NetworkConfig):
    """A search for corners, and its checks."""

    source: str = _flag("3", "Where corners start: a class, test:INDEX, an image file, or every (one of each other class).")
    target: str = _flag("7", "Whose features they take: a class, test:INDEX, or an image file.")
    tap: str | None = _flag(None, "ReLU at which features collide. Default: the first of a dense layer, else the last.")
    corners: int | None = _flag(
        None, "Number of corners, N. Default: one a group of --units, else 5; 1 with --objective=match or --nearest."
    )
    units: str | None = _flag(
        None, "Inactive units to push: one a corner (3,9,12) or groups (3+9,12+40). Default: the first N."
    )
    objective: str = _flag("corners", "corners (Eq. 3) or match (Eq. 1, the baseline).")
    parameterization: str = _flag("pixels", "What is optimised: pixels, or composite, the blend of patches of photographs.")
    index: str | None = _flag(None, "Composites: the index of patches, as index_patches wrote it.")
    search: str | None = _flag(
        None, "Composites: annoy or exact. Default: annoy, where the index and the installation have it."
    )
    window_stride: int | None = _flag(
        None, "Composites: step between windows of the source, in pixels of the index's search images. Default: n / 4."
    )
    surround: int | None = _flag(None, "Composites: pixels around a window that are pasted with it. Default: half of a window.")
    control_spacing: int | None = _flag(
        None,
        "Composites: pixels from one control parameter to the next; 1: each its own, as in the paper. "
        "Default: half the stride, or all of an odd one.",
    )
    solver: str = _flag(
        "gradient", "gradient descent, or exact: linear programs, at an affine tap.", choices=("gradient", "exact")
    )
    direction: str | None = _flag(
        None,
        "Which exact corners: in which units push (the default), random, or far apart.",
        choices=("units", "random", "diverse"),
    )
    nearest: str | None = _flag(None, "Exact: the collision closest to the source in this norm.", choices=("l1", "l2"))
    max_change: float | None = _flag(
        None,
        "The most that one pixel value may change, in the model's units. Default of --solver=exact: the least at which the "
        "corners exist.",
    )
    max_total: float | None = _flag(None, "The most that the L2 norm of the change may be; with --nearest=l1, the L1 norm.")
    source_pull: float | None = _flag(
        None,
        "Weight of the mean squared change from the source. Default: led along the search to the smallest change at which "
        "features match and the hull holds; presets and --objective=match: 0.",
    )
    optimizer: str = _flag("adam", "Update rule.", choices=("gradient_descent", "ema", "adam"))
    learning_rate: str | None = _flag(
        None,
        "RATE; STEP:RATE,STEP:RATE,... from step 0 on; cosine:RATE; or halving:RATE:STEPS. Default with adam: 0.015 of the "
        "pixel range, halving in 300 steps, with hull samples, else 0.03 of it; for composites 0.1; without adam 0.01.",
    )
    term_weights: str | None = _flag(
        None, "Weights of loss terms, such as active_match=2,corner_push=1. Default: the objective's."
    )
    literal: bool = _flag(
        False, "Weights of L_neg as they are, as in Eq. 3; otherwise they are multiplied by the size of the target's features."
    )
    hull_samples: int | None = _flag(
        None, "Random mixtures that must match the target too, a step; 0 is the paper's loss, Eq. 3. Default: N."
    )
    spread: str = _flag(
        "0.12",
        "How far apart corners are to be, as the root mean square over pixels, a share of their range; or max, the largest at "
        "which the hull holds and the corners still are the source.",
    )
    half_life: float = _flag(
        150.0, "Steps in which the weights of all terms but active_match and the hull's halve; 0: never, as in Eq. 3."
    )
    start_noise: float | None = _flag(
        None,
        "Standard deviation of noise on the start, a share of the range. With hull samples 0.05 (composites: 0.005), else 0.",
    )
    preset: str | None = _flag(
        None,
        "Settings in a bundle; flags beside it win. mnist: the paper's fixed rate, L_pos < 5; decay: with a decaying rate; "
        "ema: with the authors' average of gradients; paper: the authors' scripts, for pixels 0..255; "
        "composite_paper: those for composites.",
        choices=(),
    )
    max_steps: int = _flag(3_000, "The most steps to take.")
    patience: int = _flag(150, "A search ends when so many steps have brought it no nearer to its limits; 0: it goes on.")
    stop_loss: float | None = _flag(None, "A corner stops when its active_match is below this. Default: --stop_fraction.")
    stop_fraction: float = _flag(0.05, "A corner stops below this share of its starting active_match.")
    match_quantile: float = _flag(
        0.01,
        "Features match where they are nearer than this share of the pairs of images of one class, of the data set, are.",
    )
    reader: str | None = _flag(
        None,
        "Who says what a corner shows: another network's file. Default: the nearest neighbors among the training images.",
    )
    reader_accuracy: float = _flag(0.8, "A reader that is right on a smaller share of the test images does not vote.")
    allow_trivial: bool = _flag(
        False, "Corners that have become the target, or neither image, are reported and do not count as a failure."
    )
    front: bool = _flag(False, "Also find how features match against the change from the source: the front.")
    interpolations: int = _flag(2000, "Random mixtures of the corners to check, S.")
    worst_starts: int | None = _flag(
        None, "Random starts of the search for the worst mixture; 0: do not search. Default: 64 for dense networks, else 8."
    )
    certify_boxes: int = _flag(
        2_000, "Parts of the hull to bound at most, to prove or refute the whole, for dense networks; 0: do not try."
    )
    sampling: str = _flag("uniform", "How convex weights are drawn.", choices=("uniform", "stick_breaking"))
    vnnlib: bool = _flag(False, "Write verify/: the mixtures as ONNX and the claim as VNN-LIB, for an independent verifier.")
    pairs: str | None = _flag(None, "Sweep: a CSV file with the columns source and target.")
    num_pairs: int | None = _flag(None, "Sweep: this many random pairs of correctly classified test images.")
    pairs_together: int | None = _flag(
        None,
        "Sweep: pairs that are descended as one batch. Default: 1 on CPUs; on GPUs as many as an estimate of 4 GiB holds, "
        "at most 16. Composites, exact corners, --spread=max and Beam: 1.",
    )
    runner: str | None = _flag(None, "Sweep: run the pairs on this runner of Apache Beam, such as DirectRunner.")
    beam_options: str = _flag("", "More options of the Beam pipeline, as Beam writes them.")
    seed: int = _flag(0, "Seed of everything drawn outside training.")
    device: str | None = _flag(
        None,
        "Where to compute: GPU:0, CPU:0, ...; several, GPU:0,GPU:1, or all (GPUs, if there are any), share the work. "
        "Default: TensorFlow's choice, which is one.",
    )
    xla: bool = _flag(False, "Compile the loss and its gradient with XLA.")
    checkpoint_seconds: float = _flag(60.0, "Seconds between checkpoints of the search.")
    trace_every: int = _flag(10, "Steps between rows of trace.csv.")
    tensorboard: bool = _flag(False, "Write TensorBoard events.")
    figure: str = _flag(
        "row", "row: the images; all: also the trace, the margins of the mixtures, the front.", choices=("row", "all")
    )

    def resolved(self) -> Self:
        """As `NetworkConfig.resolved`, and the files of the other flags."""
        config = super().resolved()
        files = {name: getattr(config, name) for name in ("pairs", "index", "reader")}
        named: Any = {name: str(absolute(path)) for name, path in files.items() if path}
        return dataclasses.replace(config, **named)

    def num_corners(self) -> int:
        """N, from `corners`, `units` or the objective."""
        if self.corners is not None:
            return self.corners
        if self.units is not None:
            return len(self.units.split(","))
        return 1 if self.nearest or (self.objective == "match" and not self.start_noise) else 5

    def spread_asked(self) -> float | None:
        """`spread` as a number; None where the largest is to be found.

        Raises:
            RequestError: it is neither.
        """
        if self.spread == "max":
            without = {"--solver=exact": self.solver == "exact", "--hull_samples=0": self.hull_samples == 0}
            without["--objective=match"] = self.objective == "match"
            for other in (name for name, given in without.items() if given):
                raise RequestError(f"--spread=max with {other}", "a number, as no hull is held together", "Say how much.")
            return None
        try:
            value = float(self.spread)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise RequestError(f"--spread={self.spread}", "a share of the pixel range, from 0 to 1, or max")
        return value

    def pull(self) -> float | None:
        """The fixed weight of `source_pull`; None where the search leads it."""
        return 0.0 if self.source_pull is None and self.objective == "match" else self.source_pull

    def is_sweep(self) -> bool:
        """Whether many pairs are asked for."""
        return bool(self.pairs or self.num_pairs) or self.source == "every"

    def devices(self) -> tuple[str, ...]:
        """`device` as names; "ALL" among them stands for all of one kind."""
        return tuple(name.strip().upper() for name in self.device.split(",")) if self.device is not None else ()

    def check(self) -> None:
        """As `TrainConfig.check`, and combinations that cannot work."""
        super().check()
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), choices_of(field)
            if choices and value is not None and value not in choices:
                raise RequestError(f"--{field.name}={value}", f"one of {', '.join(choices)}")
        _at_least(
            self,
            1,
            "corners",
            "max_steps",
            "interpolations",
            "num_pairs",
            "pairs_together",
            "trace_every",
            "image_size",
            "window_stride",
            "control_spacing",
        )
        if self.max_steps >= 2**31:
            raise RequestError(f"--max_steps={self.max_steps}", "a number below 2^31")
        _at_least(
            self,
            0,
            "seed",
            "start_noise",
            "hull_samples",
            "source_pull",
            "patience",
            "half_life",
            "checkpoint_seconds",
            "worst_starts",
            "certify_boxes",
            "max_change",
            "max_total",
            "surround",
        )
        _positive(self, "stop_loss", "stop_fraction")
        for name in ("match_quantile", "reader_accuracy"):
            if not 0 <= getattr(self, name) <= 1:
                raise RequestError(f"--{name}={getattr(self, name)}", "a share from 0 to 1")
        self.spread_asked()
        if self.stop_fraction >= 1:
            raise RequestError(f"--stop_fraction={self.stop_fraction}", "a share below 1")
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.units is not None and self.num_corners() != len(self.units.split(",")):
            groups = len(self.units.split(","))
            raise RequestError(
                f"--corners={self.corners} with {groups} groups in --units={self.units}",
                "one group a corner",
                f"Leave --corners out or say --corners={groups}.",
            )
        self._check_exact()
        self._check_composite()
        self._check_devices()
        if self.vnnlib and self.num_corners() < 2:
            raise RequestError("--vnnlib with one corner", "at least two to mix", "Say --corners=2, or leave --vnnlib out.")
        for name in ("runner", "pairs_together"):
            if getattr(self, name) is not None and not self.is_sweep():
                one = f"--{name}={getattr(self, name)} with one pair"
                raise RequestError(one, "a sweep", "Say --pairs or --num_pairs beside it.")
        self._check_together()
        if self.pairs is not None and self.num_pairs is not None:
            raise RequestError("--pairs together with --num_pairs", "one of the two")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in ("source", "target"):
            if (self.pairs or self.num_pairs) and getattr(self, name) != defaults[name]:
                sweep = "--pairs" if self.pairs else "--num_pairs"
                raise RequestError(f"--{name}={getattr(self, name)} with {sweep}", "one of the two", "Leave one out.")
        if self.objective == "match" and self.units is not None:
            raise RequestError("--units with --objective=match", "no --units, since Eq. 1 pushes none", "Leave it out.")
        if self.objective == "match" and self.num_corners() > 1 and not self.start_noise:
            raise RequestError(
                f"--objective=match with --corners={self.num_corners()}",
                "one corner, since from one start all of them coincide",
                "Say --corners=1, or --start_noise=0.1 for different starts.",
            )

    def _check_together(self) -> None:
        alone = {"solver": "exact", "parameterization": "composite", "spread": "max"}
        others = [f"--{name}={value}" for name, value in alone.items() if getattr(self, name) == value]
        others += [f"--runner={self.runner}"] if self.runner else []
        if (self.pairs_together or 1) > 1 and others:
            raise RequestError(f"--pairs_together={self.pairs_together} with {others[0]}", "one of the two", "Leave one out.")

    def _check_exact(self) -> None:
        exact = {name: getattr(self, name) for name in ("direction", "nearest")}
        given = [f"--{name}={value}" for name, value in exact.items() if value is not None]
        if given and self.solver != "exact":
            raise RequestError(" ".join(given), "--solver=exact beside it", "Add it, or leave the flag out.")
        if self.nearest is not None and (self.direction is not None or self.units is not None or self.num_corners() != 1):
            raise RequestError(
                f"--nearest={self.nearest} with --direction, --units or several --corners",
                "one of them",
                "Leave the others out.",
            )
        if self.direction in ("random", "diverse") and self.units is not None:
            raise RequestError(f"--direction={self.direction} with --units", "one of the two", "Leave one out.")
        if self.solver == "exact" and self.objective != "corners":
            raise RequestError(f"--solver=exact with --objective={self.objective}", "--objective=corners", "Leave it out.")
        without = {"--solver=exact": self.solver == "exact", "--objective=match": self.objective == "match"}
        for other in (name for name, given in without.items() if given and self.hull_samples):
            raise RequestError(f"--hull_samples={self.hull_samples} with {other}, which has no use for it", "one of the two")

    def _check_devices(self) -> None:
        names = self.devices()
        if len(set(names)) < len(names):
            raise RequestError(f"--device={self.device}, one device twice", "different devices", "Name each once.")
        if len({name.partition(":")[0] for name in names}) > 1:
            raise RequestError(f"--device={self.device}", "devices of one kind, or all by itself", "Leave the others out.")
        several = len(names) > 1 or names == ("ALL",)
        if (names and self.runner) or (several and self.xla):
            other = f"--runner={self.runner}" if self.runner else "--xla"
            expected = "workers that choose their own" if self.runner else "one device beside it"
            raise RequestError(f"--device={self.device} with {other}", expected, "Leave one of the two out.")

    def _check_composite(self) -> None:
        names = ("index", "search", "window_stride", "surround", "control_spacing")
        given = [f"--{name}={getattr(self, name)}" for name in names if getattr(self, name) is not None]
        if given and self.parameterization != "composite":
            raise RequestError(" ".join(given), "--parameterization=composite beside it", "Add it, or leave the flag out.")
        if self.parameterization != "composite":
            return
        if self.solver == "exact":
            raise RequestError("--solver=exact with --parameterization=composite", "--solver=gradient", "Leave it out.")
        if self.front:
            raise RequestError("--front with --parameterization=composite", "--parameterization=pixels", "Leave it out.")
        bounded = [f"--{name}={getattr(self, name)}" for name in ("max_change", "max_total") if getattr(self, name) is not None]
        if bounded:
            mend = "Say --source_pull instead, or leave it out."
            raise RequestError(f"{bounded[0]} with --parameterization=composite", "--parameterization=pixels", mend)
        if self.index is None:
            raise RequestError(
                "--parameterization=composite without --index", "an index of patches", "Build one with index_patches."
            )


# The paper's losses: nothing holds the hull together or pulls to the source, and only L_pos says when to end, and
# whether features match.
_PAPER = {
    "literal": True,
    "hull_samples": 0,
    "start_noise": 0.0,
    "source_pull": 0.0,
    "patience": 0,
    "max_steps": 20_000,
    "match_quantile": 1.0,
    "allow_trivial": True,
}
_MNIST = {"term_weights": "corner_push=7,inactive_magnitude=0.8,feature_distance=0"} | _PAPER

PRESETS: dict[str, dict[str, Any]] = {
    # Section 3.1: gradient descent at a fixed rate, every corner to L_pos < 5.
    "mnist": {"optimizer": "gradient_descent", "learning_rate": "1e-4", "stop_loss": 5.0} | _MNIST,
    # The same at a rate that decays, and with the authors' average of gradients.
    "decay": {"optimizer": "gradient_descent", "learning_rate": "cosine:2e-4", "stop_loss": 5.0} | _MNIST,
    "ema": {"optimizer": "ema", "learning_rate": "1e-4", "stop_loss": 5.0} | _MNIST,
    # The authors' scripts to the letter: 100 L_pos / 2 + 10 L_neg, EMA 0.99 and 0.01, pixels 0..255.
    "paper": {
        "optimizer": "ema",
        "learning_rate": "0.01",
        "term_weights": "active_match=50,corner_push=10,inactive_magnitude=10,feature_distance=0",
        "half_life": 0.0,
    }
    | _PAPER,
    # The same for composites: their rates by step, 100 TV, a control parameter a pixel.
    "composite_paper": {
        "parameterization": "composite",
        "optimizer": "ema",
        "learning_rate": "0:0.001,2200:0.01,3200:0.02,4700:0.04,7000:0.06,9000:0.08,11000:0.1,14000:0.001",
        "term_weights": "active_match=50,corner_push=10,inactive_magnitude=10,feature_distance=0,total_variation=100",
        "half_life": 0.0,
        "control_spacing": 1,
    }
    | _PAPER,
}
"""Name -> values of `CollideConfig` fields."""


def preset_values(name: str | None) -> dict[str, Any]:
    """The values that a preset sets.

    Raises:
        RequestError: there is no such preset.
    """
    if name is None:
        return {}
    if name not in PRESETS:
        raise RequestError(f"--preset={name}", f"one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]


def flags_text(config: Any) -> str:
    """Every field as a line of a flagfile; those that are None say nothing.

    Raises:
        RequestError: a value that a line cannot hold.
    """
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, str) and not fits_in_line(value):
            raise RequestError(
                f"--{field.name}={value!r}",
                "no line break, control character or blank at the end",
                "Rename the file or folder.",
            )
        if isinstance(value, bool):
            lines.append(f"--{'' if value else 'no'}{field.name}")
        elif value is not None:
            lines.append(f"--{field.name}={value}")
    return "\n".join(lines) + "\n"


def choices_of(field: Any) -> tuple[str, ...]:
    """The values that a field is restricted to; empty where there is no such list."""
    return tuple(PRESETS) if field.name == "preset" else field.metadata["choices"]
