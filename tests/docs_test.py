"""The documentation: its Python runs, its tables of flags are whole, and no page is left out."""

import json
import re
import runpy
from pathlib import Path

import pytest

from tfcollide.cli import PROGRAMS
from tfcollide.settings import flags_of

ROOT = Path(__file__).resolve().parents[1]


def snippets(page):
    """The Python of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def run(page, names):
    for text in snippets(page):
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
    assert learned["files"] == ["corners.png", "first"]


def test_the_notebook_is_the_tutorial():
    page = runpy.run_path(str(ROOT / "docs" / "notebook.py"))
    assert page["NOTEBOOK"].read_text() == page["notebook"](page["PAGE"].read_text())
    cells = json.loads(page["NOTEBOOK"].read_text())["cells"]
    code = ["".join(one["source"]) + "\n" for one in cells if one["cell_type"] == "code"]
    assert code == snippets("docs/tutorial.md")


PAGES = ["README.md", "docs/explanation/layer-space.md", "docs/how-to/exact.md", "docs/how-to/proofs.md"]


@pytest.mark.parametrize("page", PAGES)
def test_python_that_starts_from_the_tutorial(page, learned):
    run(page, dict(learned))


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
