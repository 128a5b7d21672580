"""What an audit is asked to do: fields here are flags of the command line."""

import dataclasses
from typing import ClassVar, Self

from tfcollide.errors import RequestError
from tfcollide.library.audit_options import BUDGETS, AuditOptions
from tfcollide.recipes.classifiers.config import NetworkConfig
from tfcollide.settings import carrying_variants, flag, with_absolute_paths

__all__ = ["AuditConfig"]


@dataclasses.dataclass(frozen=True, kw_only=True)
@carrying_variants
class AuditConfig(NetworkConfig):
    """An audit: which network, which pairs, how long to search."""

    FIRST: ClassVar = ("out", "recipe", "model", "dataset", "data_dir", "taps", "num_pairs", "budget", "pairs", "fail_above")
    """What `--help` shows."""

    budget: str = flag("normal", "How much work; docs/audit.md says what each stands for.", choices=tuple(BUDGETS))
    num_pairs: int = flag(100, "How many random pairs of test images, spread evenly over ordered pairs of classes.")
    pairs: str | None = flag(None, "Pairs in place of drawn ones: a CSV file with the columns source and target.", path=True)
    taps: str = flag("default", "ReLUs to audit: default, all, or names with commas between them.")
    match_quantile: float = flag(
        0.01, "Features match where they are nearer than this share of the pairs of images of one class are."
    )
    seed: int = flag(0, "Seed of every random draw.")
    fail_above: float | None = flag(
        None, "Exit with 1 where the rate's upper 95 % bound exceeds this share, or the search has not converged."
    )

    def resolved(self) -> Self:
        """The same with paths absolute."""
        return with_absolute_paths(super().resolved())

    def check(self) -> None:
        """Raises `RequestError` for a value that no data set or model can make right."""
        super().check()
        self.options()
        if self.fail_above is not None and not 0 <= self.fail_above <= 1:
            raise RequestError(f"--fail_above={self.fail_above}", "a share from 0 to 1")
        if self.dataset_name() == "none":
            raise RequestError("no --dataset", "images to draw pairs from", "Name a data set, such as --dataset=mnist.")

    def options(self) -> AuditOptions:
        """What the library is asked for."""
        return AuditOptions(
            budget=self.budget,
            num_pairs=self.num_pairs,
            taps=self.taps,
            match_quantile=self.match_quantile,
            seed=self.seed,
        ).check()
