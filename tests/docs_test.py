"""The documentation: its Python runs, its tables of flags are whole, and no page is left out."""

import dataclasses
import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import keras
import matplotlib
import numpy as np
import pytest
import tensorflow as tf

from tfcollide.cli import PROGRAMS
from tfcollide.exports.parts import Subject
from tfcollide.library.audit_options import BUDGETS
from tfcollide.patches.backends.exact import ExactSearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.neighbors import Query
from tfcollide.recipes.patches import index
from tfcollide.recipes.patches.config import IndexConfig
from tfcollide.settings import flags_of

matplotlib.use("agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]


def snippets(page):
    """The Python of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def run(page, names, cheaper=()):
    """Runs a page's Python; `cheaper`: text -> what stands in its place here."""
    for text in snippets(page):
        for long, short in dict(cheaper).items():
            text = text.replace(long, short)
        exec(compile(text, page, "exec"), names)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """What a reader has who has typed in the tutorial."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("tutorial"))
        run("docs/tutorial.md", names)
        names["files"] = sorted(path.name for path in Path.cwd().iterdir())
    return names


def test_the_tutorial_ends_with_a_collision_and_a_proof(learned):
    assert learned["network"].tap_names == ["hidden"]
    assert learned["verdict"].found and learned["proof"].status == "certified"
    assert {record.predicted for record in learned["found"].records} == {"7"}
    assert learned["files"] == ["corners.png", "first", "first.html"]


def test_notebooks_are_their_pages_without_output():
    made = runpy.run_path(str(ROOT / "docs" / "notebook.py"))
    pages = made["PAGES"]
    assert {path.name for path in (ROOT / "examples").glob("*.ipynb")} == set(pages.values())
    for page, name in pages.items():
        kept = json.loads((ROOT / "examples" / name).read_text())
        assert kept == made["notebook"](page), f"{name}: run make notebooks"
        code = ["".join(one["source"]) + "\n" for one in kept["cells"] if one["cell_type"] == "code"]
        assert code == snippets(f"docs/{page}") and not any(one.get("outputs") for one in kept["cells"])
        for link in re.findall(r"\]\((?!http|#)([^)#]+)", "".join("".join(one["source"]) for one in kept["cells"])):
            assert (ROOT / "examples" / link).exists() or link in code, f"{name}: {link}"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plt.close("all")
    return {}


def test_the_notebook_on_a_network_of_your_own(elsewhere):
    run("docs/notebooks/own-cnn.md", elsewhere)
    assert elsewhere["network"].tap_names == ["conv", "dense"]
    assert elsewhere["verdict"].found and elsewhere["proof"].status == "certified"
    assert (Path.cwd() / "mine" / "summary.json").exists()


def test_the_notebook_on_exact_polytopes(elsewhere):
    run("docs/notebooks/exact-polytopes.md", elsewhere)
    assert 0.2 < elsewhere["inside"].mean() < 0.5
    assert elsewhere["found"].exact.found == (True, True, True) == elsewhere["exact"].exact.found
    assert elsewhere["nearest"].exact.distance is not None and elsewhere["proof"].status == "certified"
    assert len(elsewhere["axes"].lines) == 3


def test_the_notebook_on_two_networks(elsewhere, monkeypatch):
    """With one pair of each and hardly a search: the layers tell the two networks apart."""
    least = {"front_steps": 3, "hull_steps": 20, "patience": 5, "samples": 20, "worst_starts": 1}
    monkeypatch.setitem(BUDGETS, "quick", dataclasses.replace(BUDGETS["quick"], **least))
    run("docs/notebooks/two-audits.md", elsewhere, {"num_pairs=6": "num_pairs=1"})
    invisible = elsewhere["layers"].groupby("network")["invisible_1e-06"].mean()
    assert invisible["averages"] >= 48 > invisible["every_pixel"]
    assert len(elsewhere["pairs"]) == 2


PAGES = ["README.md", "docs/explanation/layer-space.md", "docs/how-to/exact.md", "docs/how-to/proofs.md"]


@pytest.mark.parametrize("page", PAGES)
def test_python_that_starts_from_the_tutorial(page, learned):
    run(page, dict(learned))


def test_python_on_a_network_with_a_tap_of_that_name(elsewhere):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(16, "relu", name="fc1"), keras.layers.Dense(3)]
    elsewhere |= {"model": keras.Sequential(layers), "names": ["a", "b", "c"]}
    images = np.random.default_rng(0).integers(0, 256, [40, 4, 4, 1], np.uint8)
    predicted = elsewhere["model"].predict(images, verbose=0).argmax(axis=1)
    elsewhere |= {"source": images[0], "target": images[predicted != predicted[0]][0]}
    run("docs/how-to/own-network.md", elsewhere)
    assert elsewhere["network"].tap_names == ["fc1"] and Path("runs/mine/corners.npz").exists()


def test_python_on_an_index_of_patches(elsewhere):
    index.run(IndexConfig(images="bundled", image_size=96, stride=16, held_out=0), Path("patches"))
    run("docs/how-to/patches.md", elsewhere)
    assert elsewhere["found"].ids.shape == (2, 5) and len(elsewhere["pasted"]) == 2


def test_python_on_an_exported_hull(elsewhere, learned):
    learned["tc"].export(learned["network"], learned["found"], "models/hull/1", what="mixture")
    run("docs/how-to/serving.md", elsewhere | {"tf": tf})


def variants():
    found = {}
    for text in snippets("docs/how-to/variants.md"):
        exec(compile(text, "docs/how-to/variants.md", "exec"), names := {})
        found[names["VARIANT"].__name__] = names["VARIANT"]
    return found


def test_the_objective_that_is_shown():
    goal = SimpleNamespace(post_activation=tf.constant([2.0, 0.0, 0.0]), active=tf.constant([1.0, 0.0, 0.0]), ceiling=None)
    one = variants()["Highest"]
    found = one.terms(tf.constant([[5.0, -1.0, 4.0], [2.0, -3.0, -1.0]]), goal)
    assert set(found) == set(one.term_weights) == set(one.words) and one.progress_term in found
    np.testing.assert_allclose(found["active_match"], [9, 0])
    np.testing.assert_allclose(found["highest"], [4, 0])


@pytest.mark.parametrize("more", [{}, {"min_distance": 300.0}, {"skip_images": np.array([2, 0])}])
def test_the_index_search_that_is_shown_finds_what_the_exact_one_does(more):
    collection = open_collection(ROOT / "testdata" / "index")
    query = Query(collection.store.patches(np.array([3, 40])), neighbors=70, **more)
    shown, true = variants()["OneByOne"](collection).search(query), ExactSearch(collection).search(query)
    for one, other in zip(shown, true, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_export_that_is_shown(learned):
    network, corners = learned["network"], learned["found"].corners
    subject = Subject(network, network.tap("hidden"), corners, np.ones([1, 3], np.float32) / 3, corners[0], 1.0)
    parts = variants()["features"](subject)
    served = parts.signatures["serving_default"](images=tf.constant(corners))
    np.testing.assert_array_equal(served["post_activation"], np.maximum(served["pre_activation"], 0))
    np.testing.assert_allclose(served["pre_activation"], network.tap("hidden").pre_activation(corners), rtol=1e-5, atol=1e-4)


def test_no_python_of_the_pages_is_left_out():
    run_here = {
        "README.md",
        "tutorial.md",
        "exact.md",
        "proofs.md",
        "own-network.md",
        "patches.md",
        "serving.md",
        "variants.md",
    }
    run_here |= {"own-cnn.md", "exact-polytopes.md", "layer-space.md", "two-audits.md"}
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "BUILD.md", *(ROOT / "docs").rglob("*.md")]
    assert {page.name for page in pages if "```python" in page.read_text()} == run_here


def test_every_flag_of_every_program_is_in_the_tables():
    page = runpy.run_path(str(ROOT / "docs" / "flag_tables.py"))
    assert set(page["SETTINGS"]) == set(PROGRAMS)
    assert page["PLACE"] in (ROOT / "docs" / "reference" / "flags.md").read_text()
    text = page["flag_tables"]()
    for name, settings in page["SETTINGS"].items():
        part = text.split(f"## {PROGRAMS[name]}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `--(\w+)`", part, re.MULTILINE) == [one.name for one in flags_of(settings)]


def test_every_page_says_what_it_answers():
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "glossary.md":
            assert re.match(r"# .+\n\nThis page answers: .+", page.read_text()), page


def test_links_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\(([^)#\s]+)", prose):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_the_readme_fits_a_reader():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 160 and "make test" in text


def test_no_page_asks_others_for_anything():
    settings = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in settings and "http" not in settings.replace("https://github.com", "")


PAGE = """<link rel="stylesheet" href="style.css"><a href="other.html#x">o</a><a href="https://example.org">e</a>
<img src="data:image/png;base64,AA=="><a href="#top">t</a>"""


def test_the_check_of_the_site(tmp_path):
    faults = runpy.run_path(str(ROOT / "docs" / "check_site.py"))["faults"]
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "style.css").write_text("body { background: url(data:image/png;base64,AA==) }")
    (tmp_path / "other.html").write_text("<p>")
    assert list(faults(tmp_path)) == []
    (tmp_path / "other.html").write_text('<script src="https://cdn.example.org/x.js"></script><a href="gone.html">g</a>')
    (tmp_path / "style.css").write_text("@import 'https://fonts.example.org/f.css';")
    assert list(faults(tmp_path)) == [
        "other.html loads https://cdn.example.org/x.js",
        "other.html lacks gone.html",
        "style.css loads https://fonts.example.org/f.css",
    ]
