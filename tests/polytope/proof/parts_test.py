"""Which parts of a hull are proven, where the whole is not."""

import dataclasses

import numpy as np
import pytest

from tests.polytope.proof.certificate_test import blend, float32_logits, margins, network, planted
from tests.report.summaries import summary
from tfcollide.errors import RequestError
from tfcollide.files.atomic import to_json, write_json
from tfcollide.polytope.proof.certificate import certify
from tfcollide.polytope.proof.check_proof import _replay
from tfcollide.records import PARTS_FILE, ProvenParts, Summary

PARTIAL = (13, 16, 17, 20, 22, 24, 26, 28, 34, 38)


def undecided(seed, boxes=40):
    """A network, corners, the target and what is proven, of which the rest stays open."""
    rng = np.random.default_rng(seed)
    chain = network(rng, (6, 12, 8, 3))
    corners = rng.normal(size=(3, 6, 1, 1)).astype(np.float32)
    target = int(chain.logits(corners[:1]).argmax())
    # A network that is never wrong when asked, so that nothing is refuted.
    found = certify(chain, corners, target, lambda images: np.eye(3)[[target] * len(images)], max_boxes=boxes)
    return chain, corners, target, found


def volumes(parts):
    return np.abs(np.linalg.det(_replay(parts.tree, 3)))


@pytest.mark.parametrize("seed", PARTIAL)
def test_what_is_called_proven_holds_there_and_is_the_share_that_is_told(seed):
    chain, corners, target, found = undecided(seed)
    assert found.status == "undecided"
    leaves, sizes, proven = _replay(found.parts.tree, 3), volumes(found.parts), found.parts.margins > 0
    np.testing.assert_allclose(sizes.sum(), 1.0)
    np.testing.assert_allclose(sizes[proven].sum(), found.share_proven)
    assert len(leaves) == len(proven) and not proven.all()
    inside = np.random.default_rng(seed).dirichlet(np.ones(3), 200)
    for vertices, margin in zip(leaves[proven], found.parts.margins[proven], strict=True):
        assert margins(chain.logits(blend(inside @ vertices, corners)), target).min() >= margin


def test_where_all_or_nothing_is_proven_there_are_no_parts():
    for seed, share in ((3, 1.0), (0, 0.0)):
        found = undecided(seed)[3]
        assert found.share_proven == share and found.parts is None


def test_a_hull_that_is_refuted_may_be_proven_elsewhere():
    chain, corners, _ = planted(np.random.default_rng(0), 2, 1e-4)
    found = certify(chain, corners, 0, float32_logits(chain))
    assert found.status == "refuted" and found.parts is not None
    leaves, proven = _replay(found.parts.tree, 2), found.parts.margins > 0
    low, high = leaves[:, :, 0].min(axis=1), leaves[:, :, 0].max(axis=1)
    assert proven.any() and not proven[(low <= found.mixture[0]) & (found.mixture[0] <= high)].any()


def test_fewer_parts_prove_no_more():
    found = undecided(17, boxes=400)[3]
    whole, leaves = found.parts, _replay(found.parts.tree, 3)
    points = np.random.default_rng(0).dirichlet(np.ones(3), 100)

    def proven(parts):
        inverse = np.linalg.inv(_replay(parts.tree, 3))
        held = (points @ inverse >= 0).all(axis=2)  # [parts, points]
        return np.where(held, parts.margins[:, None], -np.inf).max(axis=0)

    for most in (1, 2, 7, 50, len(leaves)):
        fewer = whole.fewer(most)
        assert len(fewer.margins) == len(_replay(fewer.tree, 3)) <= most
        np.testing.assert_allclose(volumes(fewer).sum(), 1.0)
        assert (proven(fewer) <= proven(whole)).all()
    np.testing.assert_array_equal(whole.fewer(len(leaves)).tree, whole.tree)
    assert whole.fewer(1).margins == whole.margins.min()


def test_a_run_keeps_them_in_a_file_of_their_own(tmp_path):
    certificate = undecided(17)[3]
    write_json(tmp_path / "summary.json", summary(certificate=certificate))
    assert "parts" not in to_json(certificate) and Summary.read(tmp_path).certificate.parts is None
    certificate.parts.write(tmp_path)
    found = Summary.read(tmp_path).certificate
    assert found == certificate and dataclasses.asdict(found.parts).keys() == {"tree", "margins"}
    np.testing.assert_array_equal(found.parts.tree, certificate.parts.tree)
    np.testing.assert_array_equal(found.parts.margins, certificate.parts.margins)
    for damaged in (ProvenParts(certificate.parts.tree[:-1], certificate.parts.margins), None):
        if damaged:
            damaged.write(tmp_path)
        else:
            (tmp_path / PARTS_FILE).write_bytes(b"PK")
        with pytest.raises(RequestError, match="parts.npz, which cannot be read"):
            Summary.read(tmp_path)
