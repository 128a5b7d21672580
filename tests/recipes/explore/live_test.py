"""The live page: who is answered, and what."""

import http.client
import json
import threading

import numpy as np
import pytest

from tfcollide.polytope.hull.mixing import convex_weights
from tfcollide.recipes.explore.live import LiveServer, read_weights


@pytest.fixture
def server():
    with LiveServer(b"<p>the page", lambda weights: {"sum": float(weights[1])}, 3) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def ask(server, method="POST", path="/judge", body=None, **headers):
    given = {"Host": f"127.0.0.1:{server.server_port}", "Origin": server.address.rstrip("/")} | headers
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    content = json.dumps({"weights": [0.25, 0.5, 0.25]}).encode() if body is None and method == "POST" else body
    connection.request(method, path, content, {name: value for name, value in given.items() if value is not None})
    reply = connection.getresponse()
    found = reply.status, reply.read(), dict(reply.getheaders())
    connection.close()
    return found


def test_the_page_and_its_questions_are_answered(server):
    status, content, headers = ask(server, "GET", "/", Origin=None)
    assert (status, content) == (200, b"<p>the page") and headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(server)[:2] == (200, b'{"sum": 0.5}')
    port = server.server_port
    assert ask(server, Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200


def test_a_page_of_another_origin_or_by_another_name_gets_nothing(server):
    port = server.server_port
    others = (
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": f"https://127.0.0.1:{port}"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
        {"Host": "example.org"},
        {"Host": f"example.org:{port}"},
    )
    for headers in others:
        status, content, _ = ask(server, **headers)
        assert status == 403 and b"sum" not in content
    for headers in ({"Host": "example.org"}, {"Origin": "http://example.org"}):
        status, content, _ = ask(server, "GET", "/", **headers)
        assert status == 403 and b"the page" not in content
    assert ask(server, "OPTIONS")[0] == 501


def test_nothing_but_the_page_can_be_read(server):
    for path in ("/summary.json", "/../../etc/passwd", "//etc/passwd", "/%2e%2e/setup.py", "/judge"):
        assert ask(server, "GET", path, Origin=None)[0] == 404
    assert ask(server, path="/other")[0] == 404


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"weights": 1}', b'{"weights": [1, 0]}', b'{"weights": [2, -1, 0]}', b"\xff", b"[" * 5000]
)
def test_what_holds_no_weights_is_refused(server, body):
    assert ask(server, body=body)[0] == 400
    assert read_weights(body, 3) is None


def test_a_long_question_is_not_read(server):
    assert ask(server, body=b" " * 200_000)[0] == 413


def test_weights_are_those_that_were_asked_about():
    for weights in convex_weights(200, 5):
        found = read_weights(json.dumps({"weights": weights.tolist()}).encode(), 5)
        np.testing.assert_allclose(found, weights, atol=1e-6)
