"""The names that scripts rely on, how they are loaded, and the examples in their docstrings."""

import doctest
import inspect
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import tfcollide as tc
from tests.limits import HANG_SECONDS

NAMES = [
    "Found",
    "PatchIndex",
    "RequestError",
    "Verdict",
    "audit",
    "certify",
    "collision_free_radius",
    "collision_polytope",
    "compare",
    "compose",
    "exact_corners",
    "export",
    "find_corners",
    "judge",
    "load_run",
    "match_features",
    "nearest_collision",
    "worst_mixture",
    "wrap",
]
ALONE = """
import sys, tfcollide
assert dir(tfcollide) and tfcollide.RequestError
print(sorted({"tensorflow", "keras", "numpy", "matplotlib"} & set(sys.modules)))
"""


def test_the_list():
    assert tc.__all__ == NAMES and set(NAMES) <= set(dir(tc))
    assert all(callable(getattr(tc, name)) for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'find_corner'"):
        tc.find_corner  # noqa: B018


def test_importing_it_imports_neither_tensorflow_nor_anything_else_that_is_large():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is asked for on x86")
def test_tensorflow_computes_by_onednn_where_it_is_imported_after_the_library():
    asked = "from tensorflow.python.framework.test_util import IsMklEnabled; print(IsMklEnabled())"
    left = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [sys.executable, "-c", f"import tfcollide, keras; {asked}"],
        env=left,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.stdout == "True\n", done.stderr


def test_no_room_has_the_name_of_a_verb():
    package = Path(tc.__file__).parent  # an import of the room would put it in the verb's place
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} | {path.stem for path in package.glob("*.py")}
    assert {"library", "errors"} <= rooms and not rooms & set(NAMES)


def test_the_version_is_that_of_the_changelog():
    changelog = (Path(tc.__file__).parents[1] / "CHANGELOG.md").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+", tc.__version__) and f"## [{tc.__version__}]" in changelog


@pytest.fixture(scope="module")
def known(tmp_path_factory, model, network, source, target, found, verdict):
    """What examples speak of."""
    from tfcollide.recipes.patches import index
    from tfcollide.recipes.patches.config import IndexConfig

    place = tmp_path_factory.mktemp("examples")
    (place / "photographs").mkdir()
    coarse = np.random.default_rng(0).integers(0, 256, [12, 4, 4, 3], dtype=np.uint8)
    photographs = [Image.fromarray(one).resize((16, 16), Image.Resampling.BICUBIC) for one in coarse]
    for n, one in enumerate(photographs[1:]):
        one.save(place / "photographs" / f"{n:02d}.png")
    shape = {"image_size": 16, "patch_size": 4, "stride": 2, "num_components": 8}
    index.run(IndexConfig(images=str(place / "photographs"), search="exact", held_out=0, **shape), place / "patches")
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)]
    colors = tc.wrap(keras.Sequential(layers), pixel_range=(0, 255))
    found.save(place / "run", verdict)
    many = np.random.default_rng(1).random([80, 4, 4, 1]).astype(np.float32)
    labeled = {"images": many, "labels": network.judge(many).predicted}
    images = labeled | {"photograph": photographs[0], "colors": colors, "folder": place / "patches", "run": place / "run"}
    given = {"model": model, "network": network, "source": source, "target": target, "found": found, "verdict": verdict}
    return images | given | {"tc": tc, "np": np, "place": place}


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_its_docstring(name, known):
    tests = [
        one for one in doctest.DocTestFinder(recurse=True).find(getattr(tc, name), name, globs=dict(known)) if one.examples
    ]
    assert tests, "no example"
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for one in tests:
        runner.run(one, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("name", NAMES)
def test_its_docstring_tells_arguments_and_errors(name):
    value = getattr(tc, name)
    text = inspect.getdoc(value)
    if inspect.isfunction(value):
        assert {"Args:", "Returns:", "Raises:"} <= set(text.split()), name
        assert all(f"{one}:" in text for one in inspect.signature(value).parameters), name


def test_the_page_of_the_api_can_be_read_without_the_site():
    """A table with a line on each name, above the directives that only the site fills."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md").read_text()
    rows = [line for line in page.partition(":::")[0].splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(NAMES)
