"""What a run is asked to do: fields here are flags of the command line.

Nothing in this module imports TensorFlow, so a bad value is refused at once.
"""

import dataclasses
from typing import ClassVar, Self

from tfcollide.errors import RequestError
from tfcollide.recipes.classifiers.config import NetworkConfig, TrainConfig
from tfcollide.recipes.collide.presets import PRESETS
from tfcollide.registry import OBJECTIVES, PARAMETERIZATIONS, PICTURES, UPDATE_RULES
from tfcollide.settings import at_least as _at_least
from tfcollide.settings import carrying_variants, check_choices, check_variants, with_absolute_paths
from tfcollide.settings import flag as _flag
from tfcollide.settings import positive as _positive

__all__ = ["HEADINGS", "CollideConfig", "TrainConfig"]

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
@carrying_variants
class CollideConfig(NetworkConfig):
    """A search for corners, and its checks."""

    FIRST: ClassVar = ("out", "recipe", "model", "dataset", "data_dir", "source", "target", "tap", "corners", "solver")
    """What `--help` shows."""
    NEXT: ClassVar = ("proof", "radius", "survival", "space", "front", "explore", "spread", "max_change", "pairs", "num_pairs")
    """What it mentions."""

    source: str = _flag("3", "Where corners start: a class, test:INDEX, an image file, or every (one of each other class).")
    target: str = _flag("7", "Whose features they take: a class, test:INDEX, or an image file.")
    tap: str | None = _flag(
        None,
        "ReLU at which features collide. Default: the first of a dense layer, else the last; with --solver=exact or --radius, "
        "if that is not affine in the image, the first that is.",
    )
    corners: int | None = _flag(
        None, "Number of corners, N. Default: one per group of --units, else 5; 1 with --objective=match or --nearest."
    )
    units: str | None = _flag(
        None, "Inactive units to push: one per corner (3,9,12) or groups (3+9,12+40). Default: the first N."
    )
    objective: str = _flag("corners", "corners (Eq. 3) or match (Eq. 1, the baseline).", variants=OBJECTIVES)
    parameterization: str = _flag(
        "pixels", "What is optimized: pixels, or composite, the blend of patches of photographs.", variants=PARAMETERIZATIONS
    )
    solver: str = _flag(
        "gradient", "gradient descent, or exact: linear programs, at an affine tap.", choices=("gradient", "exact")
    )
    space: str = _flag(
        "image",
        "Exact: where the polytope lies: image; or layer, the values of the layer before: then it is measured, and no corners "
        "are sought. For a dense tap or a 1x1 convolution, affine in the image or not.",
        choices=("image", "layer"),
    )
    direction: str | None = _flag(
        None,
        "Which exact corners: in which units push (the default), random, or far apart.",
        choices=("units", "random", "diverse"),
    )
    nearest: str | None = _flag(None, "Exact: the collision closest to the source in this norm.", choices=("l1", "l2"))
    max_change: float | None = _flag(
        None,
        "The most that one pixel value may change, in the model's own pixel units (0..1 for a network trained here, mostly "
        "0..255 for photographs). Default of --solver=exact: the least at which the corners exist.",
    )
    max_total: float | None = _flag(
        None, "The most that the L2 norm of the change may be, in the same units; with --nearest=l1, the L1 norm."
    )
    source_pull: float | None = _flag(
        None,
        "Weight of the mean squared change from the source. Default: adjusted during the search, down to the smallest change "
        "at which features match and the hull holds; presets and --objective=match: 0.",
    )
    optimizer: str = _flag("adam", "Update rule.", variants=UPDATE_RULES)
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
        None, "Random mixtures per step that must match the target too; 0 is the paper's loss, Eq. 3. Default: N."
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
        "A bundle of settings; flags given beside it take precedence. mnist: the paper's fixed rate, L_pos < 5; decay: with a "
        "decaying rate; ema: with the authors' average of gradients; paper: the authors' scripts, for pixels 0..255; "
        "composite_paper: those for composites.",
        choices=tuple(PRESETS),
    )
    max_steps: int = _flag(3_000, "The most steps to take.")
    patience: int = _flag(150, "A search ends when so many steps have brought it no nearer to its limits; 0: it goes on.")
    stop_loss: float | None = _flag(None, "A corner stops when its active_match is below this. Default: --stop_fraction.")
    stop_fraction: float = _flag(0.05, "A corner stops below this share of its starting active_match.")
    match_quantile: float = _flag(
        0.01,
        "Features match where their distance is within this quantile of those between the data set's images of one class.",
    )
    reader: str | None = _flag(
        None,
        "Another network's file: it says which class a corner shows. Default: the nearest neighbors among the training images.",
        path=True,
    )
    reader_accuracy: float = _flag(0.8, "Ignore a reader that is right on a smaller share of the test images.")
    allow_trivial: bool = _flag(
        False, "Corners that have become the target, or neither image, are reported and do not count as a failure."
    )
    front: bool = _flag(False, "Also find how features match against the change from the source: the front.")
    radius: bool = _flag(
        False,
        "Also prove, at an affine tap, how far around test images nothing collides: of each, with the nearest image of each "
        "other class.",
    )
    radius_images: int = _flag(100, "How many test images --radius looks at, the first of the test set.")
    interpolations: int = _flag(2000, "Random mixtures of the corners to check, S.")
    worst_starts: int | None = _flag(
        None, "Random starts of the search for the worst mixture; 0: do not search. Default: 64 for dense networks, else 8."
    )
    certify_boxes: int = _flag(
        2_000,
        "Parts of the hull to bound at most, to prove or refute the whole; of a large network fewer are tried; 0: do not try.",
    )
    certify_tightness: float = _flag(
        0.9,
        "Parts are split until this share of the smallest margin found is proven, or of what float32 leaves of it, or "
        "--certify_boxes are spent.",
    )
    prove_edges: bool = _flag(
        False, "Also walk every edge of the hull from breakpoint to breakpoint: the smallest margin and every change of class."
    )
    survival: bool = _flag(
        False,
        "Also treat mixtures as images are treated (PNG, JPEG, resizing, a shift, noise), and ask the network in bfloat16 and "
        "as TFLite (float16, int8): how many keep the target's class.",
    )
    check_file: str | None = _flag(None, "With --survival: a .tflite file of your own, which is asked, too.", path=True)
    sampling: str = _flag("uniform", "How convex weights are drawn.", choices=("uniform", "stick_breaking"))
    vnnlib: bool = _flag(False, "Write verify/: the mixtures as ONNX and the claim as VNN-LIB, for an independent verifier.")
    proof: bool = _flag(False, "Write proof.npz where the hull is certified: a proof that check_proof checks with NumPy alone.")
    second_opinion: str | None = _flag(
        None, "Also ask an independent verifier about the hull; it writes verify/, too.", choices=("marabou",)
    )
    second_opinion_seconds: float = _flag(300.0, "The most that it may take, per hull.")
    marabou_python: str | None = _flag(
        None,
        "A Python that can import maraboupy. Default: an environment in --model_dir, made by pip when first asked for.",
        path=True,
    )
    pairs: str | None = _flag(None, "Sweep: a CSV file with the columns source and target.", path=True)
    num_pairs: int | None = _flag(None, "Sweep: this many random pairs of correctly classified test images.")
    pairs_together: int | None = _flag(
        None,
        "Sweep: pairs that are descended as one batch. Default: 1 on CPUs; on GPUs as many as an estimate of 4 GiB holds, "
        "at most 16. Composites, exact corners, --spread=max and Beam: 1.",
    )
    runner: str | None = _flag(None, "Sweep: run the pairs on this runner of Apache Beam, such as DirectRunner or DaskRunner.")
    beam_options: str = _flag("", "More options of the Beam pipeline, as Beam writes them.")
    seed: int = _flag(0, "Seed of every random draw outside training.")
    device: str | None = _flag(
        None,
        "Where to compute: GPU:0, CPU:0, ...; several, GPU:0,GPU:1, or all (GPUs, if there are any), share the work. "
        "Default: TensorFlow's choice, which is one.",
    )
    xla: bool = _flag(False, "Compile the loss and its gradient with XLA.")
    checkpoint_seconds: float = _flag(60.0, "Seconds between checkpoints of the search.")
    trace_every: int = _flag(10, "Steps between rows of trace.csv.")
    tensorboard: bool = _flag(False, "Write TensorBoard events.")
    explore: bool = _flag(False, "Also write explore.html, a page on which the hull is walked through; see bin/explore.")
    figure: str = _flag(
        "row", "row: the images; beside it trace, margins, front, ...: NAME,NAME of these; all: every one of them."
    )

    def resolved(self) -> Self:
        """As `NetworkConfig.resolved`, and the files of the other flags."""
        return with_absolute_paths(super().resolved())

    def num_corners(self) -> int:
        """N, from `corners`, `units` or the objective."""
        if self.corners is not None:
            return self.corners
        if self.units is not None:
            return len(self.units.split(","))
        return 1 if self.nearest or not (self.pushes_units() or self.start_noise) else 5

    def pushes_units(self) -> bool:
        """Whether each corner pushes units of its own, so that several differ."""
        return bool(OBJECTIVES.load(self.objective).pushes_units)

    def pictures(self) -> tuple[str, ...]:
        """The names of the figures beside figure.png.

        Raises:
            RequestError: there is no such figure.
        """
        known = PICTURES.names()
        named = [name.strip() for name in self.figure.split(",")]
        for name in named:
            if name not in ("row", "all", *known):
                raise RequestError(f"--figure={self.figure}", f"row, all, or some of {', '.join(known)}")
        return tuple(name for name in known if name in named or "all" in named)

    def spread_asked(self) -> float | None:
        """`spread` as a number; None where the largest is to be found.

        Raises:
            RequestError: it is neither.
        """
        if self.spread == "max":
            without = {"--solver=exact": self.solver == "exact", "--hull_samples=0": self.hull_samples == 0}
            without[f"--objective={self.objective}"] = not self.pushes_units()
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
        return 0.0 if self.source_pull is None and not self.pushes_units() else self.source_pull

    def is_sweep(self) -> bool:
        """Whether many pairs are asked for."""
        return bool(self.pairs or self.num_pairs) or self.source == "every"

    def devices(self) -> tuple[str, ...]:
        """`device` as names; "ALL" among them stands for all of one kind."""
        return tuple(name.strip().upper() for name in self.device.split(",")) if self.device is not None else ()

    def check(self) -> None:
        """As `NetworkConfig.check`, and combinations that cannot work."""
        super().check()
        check_choices(self)
        self.pictures()
        _at_least(
            self,
            1,
            "corners",
            "max_steps",
            "interpolations",
            "num_pairs",
            "pairs_together",
            "radius_images",
            "trace_every",
            "image_size",
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
        )
        _positive(self, "stop_loss", "stop_fraction", "second_opinion_seconds")
        for name in ("match_quantile", "reader_accuracy", "certify_tightness"):
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
                "one group per corner",
                f"Leave --corners out or say --corners={groups}.",
            )
        self._check_exact()
        self._check_space()
        self._check_parameterization()
        self._check_devices()
        if self.vnnlib and self.num_corners() < 2:
            raise RequestError("--vnnlib with one corner", "at least two to mix", "Say --corners=2, or leave --vnnlib out.")
        if self.check_file is not None and not self.survival:
            raise RequestError(f"--check_file={self.check_file} without --survival", "both", "Add --survival.")
        if self.radius_images != type(self).radius_images and not self.radius:
            raise RequestError(f"--radius_images={self.radius_images} without --radius", "both", "Add --radius.")
        if self.second_opinion and self.num_corners() < 2:
            raise RequestError("--second_opinion with one corner", "at least two to mix", "Say --corners=2.")
        if self.proof and not self.certify_boxes:
            raise RequestError("--proof with --certify_boxes=0", "a proof that is tried", "Leave --certify_boxes out.")
        if self.prove_edges and self.num_corners() < 2:
            raise RequestError("--prove_edges with one corner", "at least two, with an edge between", "Say --corners=2.")
        for name in ("runner", "pairs_together"):
            if getattr(self, name) is not None and not self.is_sweep():
                one = f"--{name}={getattr(self, name)} with one pair"
                raise RequestError(one, "a sweep", "Say --pairs or --num_pairs beside it.")
        self._check_batch()
        self._check_match_quantile()
        if self.pairs is not None and self.num_pairs is not None:
            raise RequestError("--pairs together with --num_pairs", "one of the two")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in ("source", "target"):
            if (self.pairs or self.num_pairs) and getattr(self, name) != defaults[name]:
                sweep = "--pairs" if self.pairs else "--num_pairs"
                raise RequestError(f"--{name}={getattr(self, name)} with {sweep}", "one of the two", "Leave one out.")
        if self.units is not None and not self.pushes_units():
            raise RequestError(
                f"--units with --objective={self.objective}", "no --units, since it pushes none", "Leave it out."
            )
        if not self.pushes_units() and self.num_corners() > 1 and not self.start_noise:
            raise RequestError(
                f"--objective={self.objective} with --corners={self.num_corners()}",
                "one corner, since from one start all of them coincide",
                "Say --corners=1, or --start_noise=0.1 for different starts.",
            )
        check_variants(self)

    def _check_match_quantile(self) -> None:
        """Refuses a share of pairs of images where there are none; the default, and 1, which asks for nothing, pass."""
        default = type(self).match_quantile
        if self.dataset_name() == "none" and self.match_quantile not in (default, 1):
            raise RequestError(
                f"--match_quantile={self.match_quantile:g} without a data set",
                "a --dataset, whose pairs of images of one class are the measure",
                "Name one, or leave --match_quantile out: --stop_fraction says then when features match.",
            )

    def _check_batch(self) -> None:
        unbatched = {"solver": self.solver == "exact", "spread": self.spread == "max"}
        unbatched |= {"parameterization": not PARAMETERIZATIONS.load(self.parameterization).several_pairs}
        others = [f"--{name}={getattr(self, name)}" for name, chosen in unbatched.items() if chosen]
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
        if self.solver == "exact" and not self.pushes_units():
            raise RequestError(f"--solver=exact with --objective={self.objective}", "--objective=corners", "Leave it out.")
        without = {"--solver=exact": self.solver == "exact", f"--objective={self.objective}": not self.pushes_units()}
        for other in (name for name, given in without.items() if given and self.hull_samples):
            raise RequestError(f"--hull_samples={self.hull_samples} with {other}, which has no use for it", "one of the two")

    def _check_space(self) -> None:
        if self.radius and self.is_sweep():
            raise RequestError(
                "--radius with a sweep", "one pair, as it speaks of many images anyway", "Leave one of the two out."
            )
        if self.radius and self.dataset_name() == "none":
            raise RequestError("--radius without a data set", "a --dataset with test images", "Name one.")
        if self.space == "image":
            return
        others = {"--solver=gradient": self.solver != "exact", "a sweep": self.is_sweep(), "--radius": self.radius}
        others |= {f"--{name}": bool(getattr(self, name)) for name in ("proof", "survival", "prove_edges", "vnnlib", "front")}
        others |= {f"--nearest={self.nearest}": self.nearest is not None, f"--runner={self.runner}": self.runner is not None}
        for other in (name for name, given in others.items() if given):
            raise RequestError(f"--space=layer with {other}", "--solver=exact and one pair, whose polytope is measured")

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

    def _check_parameterization(self) -> None:
        """What is said of the change of pixels is of no use where the control parameters are none."""
        if PARAMETERIZATIONS.load(self.parameterization).in_pixels:
            return
        other = f"--parameterization={self.parameterization}"
        if self.solver == "exact":
            raise RequestError(f"--solver=exact with {other}", "--solver=gradient", "Leave it out.")
        if self.front:
            raise RequestError(f"--front with {other}", "--parameterization=pixels", "Leave it out.")
        bounded = [f"--{name}={getattr(self, name)}" for name in ("max_change", "max_total") if getattr(self, name) is not None]
        if bounded:
            mend = "Say --source_pull instead, or leave it out."
            raise RequestError(f"{bounded[0]} with {other}", "--parameterization=pixels", mend)
