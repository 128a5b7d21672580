"""What an audit is asked to do: fields here are flags of the command line."""

import dataclasses
from pathlib import Path
from typing import ClassVar, Self

from tfcollide.errors import RequestError
from tfcollide.files.run_directory import absolute
from tfcollide.library.audit_options import BUDGETS, AuditOptions
from tfcollide.models.model_file import kind_of
from tfcollide.recipes.classifiers.config import NetworkConfig
from tfcollide.settings import at_least, carrying_variants, flag, with_absolute_paths

__all__ = ["AuditConfig", "is_audit"]


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class AuditConfig(NetworkConfig):
    """An audit: which network, which pairs, how long to search."""

    FIRST: ClassVar = ("out", "recipe", "model", "dataset", "data_dir", "taps", "num_pairs", "budget", "pairs", "fail_above")
    """What `--help` shows."""
    NEXT: ClassVar = ("compare", "shared_pairs", "match_quantile", "seed", "runner", "pixel_range", "outputs")
    """What it mentions."""

    budget: str = flag(
        "normal",
        "How long to search: quick; normal, two to three times the steps; thorough, two to four times those of normal.",
        choices=tuple(BUDGETS),
    )
    num_pairs: int = flag(100, "How many random pairs of test images, spread evenly over ordered pairs of classes.")
    pairs: str | None = flag(None, "Pairs in place of drawn ones: a CSV file with the columns source and target.", path=True)
    taps: str = flag("default", "ReLUs to audit: default, all, or names with commas between them.")
    match_quantile: float = flag(
        0.01, "Features match where their distance is within this quantile of the distances between images of one class."
    )
    seed: int = flag(0, "Seed of every random draw.")
    compare: str | None = flag(
        None,
        "In place of --model, two networks to audit on the same pairs and to compare: A,B, each a model or the folder of a "
        "finished audit; several training seeds of each: A1+A2+A3,B1+B2+B3.",
    )
    max_change: float | None = flag(
        None,
        "With --compare: the most that a pixel may change, a share of the pixel range, of images that collide in both "
        "networks at once. Default: no limit.",
    )
    shared_pairs: int = flag(10, "With --compare: pairs for which such images are looked for, at ReLUs affine in the image.")
    fail_above: float | None = flag(
        None, "Exit with 1 where the rate's upper 95 % bound exceeds this share, or the search has not converged."
    )
    runner: str | None = flag(
        None, "Spread the searches over the workers of this runner of Apache Beam, such as DirectRunner or DaskRunner."
    )
    beam_options: str = flag("", "More options of the Beam pipeline, as Beam writes them.")

    def resolved(self) -> Self:
        """The same with paths absolute."""
        if not self.compare:
            return with_absolute_paths(super().resolved())
        sides = ["+".join(_absolute(one) for one in side) for side in self.sides()]
        models = [one for side in self.sides() for one in side if not is_audit(one)]
        # Only networks that are trained here have a data set by themselves.
        unnamed = self.dataset is None and any(kind_of(one) != "trained" for one in models)
        given = dataclasses.replace(self, compare=None, dataset="none" if unnamed else self.dataset).resolved()
        return dataclasses.replace(given, compare=",".join(sides))

    def sides(self) -> list[list[str]]:
        """The models or audits of A, and of B.

        Raises:
            RequestError: there are not two sides, or one of them has an empty name.
        """
        sides = [[one.strip() for one in side.split("+")] for side in (self.compare or "").split(",")]
        if len(sides) != 2 or not all(one for side in sides for one in side):
            expected = "A,B: two models, or two folders of finished audits; with + between several of one kind"
            raise RequestError(f"--compare={self.compare}", expected, "A path with a comma or a plus has to be renamed.")
        return sides

    def check(self) -> None:
        """Raises `RequestError` for a value that no data set or model can make right."""
        super().check()
        self.options()
        self._check_comparison()
        if self.fail_above is not None and not 0 <= self.fail_above <= 1:
            raise RequestError(f"--fail_above={self.fail_above}", "a share from 0 to 1")
        if self.beam_options and self.runner is None:
            raise RequestError("--beam_options without --runner", "both", "Add --runner=DirectRunner, or leave it out.")
        if self.dataset_name() == "none" and not self._of_finished():
            raise RequestError("no --dataset", "images to draw pairs from", "Name a data set, such as --dataset=mnist.")

    def _of_finished(self) -> bool:
        """Whether finished audits are compared."""
        return bool(self.compare) and any(is_audit(one) for side in self.sides() for one in side)

    def _check_comparison(self) -> None:
        at_least(self, 0, "shared_pairs")
        if self.compare is None:
            given = {"max_change": self.max_change is not None, "shared_pairs": self.shared_pairs != type(self).shared_pairs}
            for name in (name for name, is_given in given.items() if is_given):
                raise RequestError(f"--{name} without --compare", "both", "Add --compare=A,B, or leave it out.")
            return
        self.sides()
        if self.max_change is not None and not 0 < self.max_change <= 1:
            raise RequestError(f"--max_change={self.max_change}", "a share of the pixel range, above 0 and up to 1")
        if self.model != type(self).model:
            raise RequestError(f"--compare={self.compare} with --model={self.model}", "one of the two", "Leave one out.")
        if self.fail_above is not None:
            raise RequestError("--fail_above with --compare", "one of the two", "Leave one out.")
        if self.runner is not None and self._of_finished():
            raise RequestError(f"--runner={self.runner} with finished audits", "networks that are audited", "Leave it out.")

    def options(self) -> AuditOptions:
        """What the library is asked for."""
        return AuditOptions(
            budget=self.budget,
            num_pairs=self.num_pairs,
            taps=self.taps,
            match_quantile=self.match_quantile,
            seed=self.seed,
        ).check()


def is_audit(name: str) -> bool:
    """Whether this is the folder of a finished audit."""
    return (Path(name) / "audit.json").is_file()


def _absolute(name: str) -> str:
    """The path of a file or an audit from the root; the name of a network as it is."""
    try:
        kind = kind_of(name)
    except RequestError as error:  # of --model, which nobody gave
        raise RequestError(f"--compare of {name}", f"{error.args[1]}, or the folder of a finished audit") from error
    return str(absolute(name)) if kind == "file" else name
