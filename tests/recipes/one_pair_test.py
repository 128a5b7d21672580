import dataclasses

from tests.report import summaries
from tfcollide.errors import RequestError
from tfcollide.files.atomic import write_json
from tfcollide.recipes.collide.sweep.one_pair import failure, result_of
from tfcollide.records import Distance, ExactRecord, FrontEnd, WorstMixture

CORNER = summaries.corner(
    active_match=3.0,
    predicted="7",
    source_share=0.5,
    target_share=0.75,
    feature_quantile=0.001,
    ssim_source=0.5,
    ssim_target=0.25,
    reader="3",
)
FOUND = summaries.summary(
    steps=12,
    corners=(CORNER, dataclasses.replace(CORNER, active_match=4.0)),
    distance=Distance(None, 2.5, 1.0),
    worst_mixture=WorstMixture(0.5, "7", (0.5, 0.5)),
)


def like(**changed):
    return dataclasses.replace(CORNER, **changed)


def read(folder, **changed):
    out = folder / "pair_0000"
    out.mkdir()
    write_json(out / "summary.json", dataclasses.replace(FOUND, **changed))
    return result_of("test:1", "test:2", out)


def test_a_pair_that_holds(tmp_path):
    found = read(tmp_path)
    assert found.collides and found.max_active_match == 4.0 and found.worst_margin == 0.5 and found.misread == 0


def test_what_corners_still_are_is_counted(tmp_path):
    others = (like(trivial=True, target_share=0.25), like(lost=True, source_share=1.25))
    found = read(tmp_path, corners=(CORNER, *others), found=False, missing=("trivial", "lost"), ended="stagnated")
    assert (found.found, found.missing, found.ended) == (False, ("trivial", "lost"), "stagnated")
    assert (found.trivial, found.lost) == (1, 1)
    assert found.source_share == 0.75 and abs(found.target_share - 1.75 / 3) < 1e-12 and found.feature_quantile == 0.001
    assert found.front is found.front_end is None


def test_similarity_is_a_mean_and_the_reader_says_what_most_corners_are(tmp_path):
    found = read(tmp_path, corners=(CORNER, like(ssim_source=1.0, reader="8"), like(reader="8")))
    assert abs(found.ssim_source - 2 / 3) < 1e-12 and found.ssim_target == 0.25 and found.reader == "8"
    (tmp_path / "small").mkdir()
    small = read(tmp_path / "small", corners=(like(ssim_source=None, ssim_target=None, reader=None),) * 2)
    assert small.ssim_source is small.ssim_target is small.reader is None


def test_where_the_source_stands_in_for_a_corner_its_numbers_are_left_out(tmp_path):
    exact = ExactRecord("units", ("a corner was found", "none"), found=(True, False), feature_residual_float32=(1e-6, 2.0))
    found = read(tmp_path, exact=exact, found=False, converged=False, missing=("not converged",))
    assert found.source_share is found.ssim_source is found.accuracy is found.corner_mean is found.reader is None
    assert found.missing == ("not converged",) and found.steps == 12 and not found.collides


def test_the_front_of_a_pair_and_why_there_is_none(tmp_path):
    reached = read(tmp_path, front_end=FrontEnd(0.25, None, 0.25, 0.0, 0.9, "3"))
    assert (reached.front, reached.front_end) == (0.25, None)
    (tmp_path / "other").mkdir()
    censored = read(tmp_path / "other", front_end=FrontEnd(None, "trivial: read as 7", 0.25, 0.0, 0.9, "7"))
    assert (censored.front, censored.front_end) == (None, "trivial: read as 7")


def test_without_a_data_set_there_is_no_quantile(tmp_path):
    found = read(tmp_path, corners=(CORNER, like(feature_quantile=None, source_share=None)))
    assert found.feature_quantile is found.source_share is None and found.target_share == 0.75


def test_a_corner_that_diverged_has_no_number(tmp_path):
    found = read(tmp_path, converged=False, corners=(CORNER, like(active_match=float("nan"), predicted="1")))
    assert found.max_active_match is None and found.misread == 1 and not found.converged


def test_a_worst_mixture_without_a_number_does_not_collide(tmp_path):
    assert not read(tmp_path, worst_mixture=WorstMixture(float("nan"), "3", (0.5, 0.5))).collides


def test_no_search_for_the_worst_is_no_objection(tmp_path):
    assert read(tmp_path, worst_mixture=None).collides


def test_a_pair_that_cannot_be_run_says_why():
    found = failure("lost.png", "7", RequestError("image lost.png", "one that exists"))
    assert found.directory is None and not found.converged and "lost.png" in found.error
