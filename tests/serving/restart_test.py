import threading

import numpy as np
import pytest

from tests.limits import HANG_SECONDS
from tfcollide.serving.client.asking import Pace, ask_all
from tfcollide.serving.client.grpc_client import GrpcModel
from tfcollide.serving.client.rest_client import RestModel


@pytest.mark.parametrize("rest", [False, True], ids=["grpc", "rest"])
def test_a_server_that_goes_and_comes_back_costs_no_sample(background, exported, images, rest):
    samples = np.concatenate([images] * 15)
    counted, gone, back = [], threading.Event(), threading.Event()

    def progress(count):
        counted.append(count)
        if len(counted) == 50:
            gone.set()
        if len(counted) == 60:
            back.wait(HANG_SECONDS)  # so that most of the work is left for the second server

    with background(exported) as first:
        server = first.server
        model = (RestModel if rest else GrpcModel)(server.connection("digits", rest=rest))
        found = {}
        asking = threading.Thread(
            target=lambda: found.update(
                ask_all(model, "logits", "images", samples, Pace(1, concurrency=2), on_progress=progress)
            )
        )
        asking.start()
        assert gone.wait(HANG_SECONDS)
    ports = [int(address.rpartition(":")[2]) for address in (server.grpc, server.rest)]
    with background(exported, port=ports[0], rest_port=ports[1]):
        back.set()
        asking.join(HANG_SECONDS)
        assert sum(counted) == len(samples)
        assert found["logits"].shape == (len(samples), 10)
        np.testing.assert_allclose(found["logits"], np.tile(found["logits"][:20], (15, 1)), rtol=1e-5, atol=1e-2)
    model.close()
