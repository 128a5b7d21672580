#!/usr/bin/env python3
"""The local server under load: throughput and latency against calling the SavedModel in one process.

    python benchmarks/serving.py --models=BASE --model_name=NAME [--requests=20000] [--clients=8] [--swaps=100] [--fuzz=10000]

Clients are processes of their own that send one image at a time; every answer is compared with the direct one.
With --swaps new versions of the model appear meanwhile; with --fuzz malformed requests go before and after a
reading of the server's memory.
"""

import argparse
import contextlib
import http.client
import multiprocessing
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
PREDICT = "/tensorflow.serving.PredictionService/Predict"


def main():
    args = _arguments()
    sys.path.insert(0, str(ROOT))
    from tfcollide.runtime.quiet import import_tensorflow

    import_tensorflow()
    base = args.models.resolve()
    with served_copy(base, args.model_name) as (folder, process, ports):
        requests, expected = prepare(folder / args.model_name, args.model_name)
        if args.fuzz:
            fuzz(args, process, ports, requests, expected)
        if args.requests:
            load(args, folder, ports, requests, expected)
    if args.requests and not args.swaps:
        direct(newest(base / args.model_name))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--swaps", type=int, default=0)
    parser.add_argument("--fuzz", type=int, default=0)
    return parser.parse_args()


def newest(folder):
    return max((path for path in folder.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))


@contextlib.contextmanager
def served_copy(base, name):
    """`bin/serve_local` on a copy of the model, so that versions can come and go."""
    folder = Path(f"{base}.benchmark-{os.getpid()}")
    shutil.copytree(newest(base / name), folder / name / "1")
    flags = [f"--models={folder}", "--port=0", "--rest_port=0", "--poll_seconds=0.1"]
    command = [sys.executable, str(ROOT / "bin" / "serve_local"), *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        ports = re.findall(r"[\d.]+:\d+", process.stdout.readline())
        yield folder, process, ports
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def signature_of(path):
    import tensorflow as tf

    function = tf.saved_model.load(str(path)).signatures["serving_default"]
    ((name, spec),) = function.structured_input_signature[1].items()
    return function, name, spec


def sample_images(spec, count=50):
    scale = 255.0 if spec.shape[-1] == 3 else 1.0
    return (np.random.default_rng(0).random([count, *spec.shape[1:]]) * scale).astype(np.float32)


def prepare(folder, name):
    """Serialized requests of one image each, and the direct answers."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    function, input_name, spec = signature_of(newest(folder))
    images = sample_images(spec)
    requests = []
    for image in images:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.inputs[input_name].CopyFrom(tf.make_tensor_proto(image[None]))
        requests.append(request.SerializeToString())
    return requests, {key: value.numpy() for key, value in function(**{input_name: tf.constant(images)}).items()}


def client(address, requests, offset, count, found):
    """One client process; it knows gRPC alone, so that what is measured is the server."""
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(PREDICT)
        ask(requests[0])
        outcomes = []
        for i in range(offset, offset + count):
            began = time.perf_counter()
            try:
                answer = ask(requests[i % len(requests)], timeout=60)
            except grpc.RpcError as error:
                answer = f"{error.code().name}: {error.details()}"
            outcomes.append((i, began, time.perf_counter(), answer))
        found.put(outcomes)


def load(args, folder, ports, requests, expected):
    outcomes, swaps = [], []
    found = multiprocessing.get_context("spawn").Queue()
    share = args.requests // args.clients
    start = multiprocessing.get_context("spawn").Process
    with served_until_done(args, folder, ports, swaps) as done:
        began_swaps = time.perf_counter()
        while True:
            clients = [start(target=client, args=(ports[0], requests, n * share, share, found)) for n in range(args.clients)]
            for one in clients:
                one.start()
            for _ in clients:
                outcomes += found.get()
            for one in clients:
                one.join()
            if len(swaps) >= args.swaps or time.perf_counter() - began_swaps > 400:
                done.set()
                break
    report(outcomes, len(requests), expected)
    report_times(outcomes)
    if args.swaps:
        print(f"{len(swaps)} version swaps meanwhile")


@contextlib.contextmanager
def served_until_done(args, folder, ports, swaps):
    """Meanwhile a thread adds version after version and waits until each answers."""
    done = threading.Event()
    worker = threading.Thread(target=swap, args=(folder / args.model_name, ports[1], args, swaps, done))
    worker.start()
    try:
        yield done
    finally:
        done.set()
        worker.join()


def swap(folder, address, args, swaps, done):
    for version in range(2, args.swaps + 2):
        if done.is_set():
            return
        shutil.copytree(folder / str(version - 1), folder / ".next")
        os.rename(folder / ".next", folder / str(version))
        if version > 2:
            shutil.rmtree(folder / str(version - 2))
        while not done.is_set() and not available(address, args.model_name, version):
            time.sleep(0.02)
        swaps.append(version)


def available(address, name, version):
    connection = http.client.HTTPConnection(address)
    connection.request("GET", f"/v1/models/{name}/versions/{version}")
    return b"AVAILABLE" in connection.getresponse().read()


def report(outcomes, period, expected):
    from tensorflow_serving.apis import predict_pb2

    lost = [answer for *_, answer in outcomes if isinstance(answer, str)]
    wrong, worst = 0, 0.0
    for i, _, _, answer in outcomes:
        if isinstance(answer, str):
            continue
        outputs = predict_pb2.PredictResponse.FromString(answer).outputs
        for name, values in expected.items():
            if values.dtype == np.float32:
                difference = np.abs(np.array(outputs[name].float_val) - values[i % period].ravel()).max()
                worst = max(worst, difference)
                wrong += not difference <= 1e-5 * max(1.0, np.abs(values).max())
    print(f"{len(outcomes):,} requests: {len(lost)} lost, {wrong} wrong; largest difference {worst:.1e}")
    print(*sorted(set(lost))[:3], sep="\n", end="\n" if lost else "")


def report_times(outcomes):
    seconds = max(end for _, _, end, _ in outcomes) - min(begin for _, begin, _, _ in outcomes)
    took = np.array([end - begin for _, begin, end, _ in outcomes]) * 1e3
    p50, p99 = np.percentile(took, [50, 99])
    print(f"served, one image a request: {len(outcomes) / seconds:,.0f} images/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def direct(path):
    """Calls of the SavedModel in this process."""
    import tensorflow as tf

    function, input_name, spec = signature_of(path)
    images = np.concatenate([sample_images(spec)] * 6)[:256]
    for size in (1, 8, 32, 256):
        batch = tf.constant(images[:size])
        function(**{input_name: batch})
        took = []
        while sum(took) < 4.0:
            began = time.perf_counter()
            function(**{input_name: batch})[
                "probabilities" if "probabilities" in function.structured_outputs else "output_0"
            ].numpy()
            took.append(time.perf_counter() - began)
        p50, p99 = np.percentile(np.array(took) * 1e3, [50, 99])
        print(f"direct, batches of {size}: {size * len(took) / sum(took):,.0f} images/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def fuzz(args, process, ports, requests, expected):
    """Malformed requests of many kinds; a good one must pass in between, and memory must not grow."""
    rng = random.Random(0)
    server = psutil.Process(process.pid)
    mess(args.fuzz // 10, rng, args.model_name, ports, requests)  # allocators reach their plateau
    before = server.memory_info().rss
    codes = mess(args.fuzz, rng, args.model_name, ports, requests)
    time.sleep(1.0)
    after = server.memory_info().rss
    with grpc.insecure_channel(ports[0]) as channel:
        outcomes = [(0, 0.0, 1.0, channel.unary_unary(PREDICT)(requests[0]))]
    alive = "up" if process.poll() is None else "DOWN"
    print(f"{args.fuzz:,} malformed requests: {dict(sorted(codes.items()))}; the server is {alive}")
    print(f"memory {before / 2**20:.0f} MiB before, {after / 2**20:.0f} MiB after ({100 * (after / before - 1):+.1f} %)")
    report(outcomes, len(requests), expected)


def mess(count, rng, name, ports, requests):
    codes = {}
    with grpc.insecure_channel(ports[0]) as channel:
        ask = channel.unary_unary(PREDICT)
        for i in range(count):
            code = (send_grpc, send_rest, send_socket)[i % 3](rng, name, ports, requests, ask)
            codes[code] = codes.get(code, 0) + 1
    return codes


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data))
        kind = rng.randrange(3)
        if kind == 0:
            data[place] = rng.randrange(256)
        elif kind == 1:
            del data[place : place + rng.randint(1, 50)]
            data += b"x"
        else:
            data[place:place] = rng.randbytes(rng.randint(1, 20))
    return bytes(data)


def send_grpc(rng, name, ports, requests, ask):
    head = min(len(requests[0]), 200)  # where the names, types and shapes are
    body = rng.choice(
        [
            lambda: rng.randbytes(rng.randint(0, 300)),
            lambda: mutated(rng, requests[0]),
            lambda: mutated(rng, requests[0][:head]) + requests[0][head:],
        ]
    )()
    try:
        ask(body, timeout=30)
        return "gRPC OK"
    except grpc.RpcError as error:
        return f"gRPC {error.code().name}"


def send_rest(rng, name, ports, requests, ask):
    bodies = [
        b'{"instances": [[1, 2], [3]]}',
        b'{"inputs": {"images": "a"}}',
        b'{"signature_name": 3, "instances": [1]}',
        b'{"instances": ' + b"[" * rng.randint(1, 100_000),
        b'{"examples": [{"images": [1, "a"]}]}',
        b'{"instances": [NaN, Infinity, 1e400]}',
        rng.randbytes(rng.randint(0, 300)),
    ]
    path = rng.choice(
        [f"/v1/models/{name}:predict", f"/v1/models/{name}:classify", "/v1/models/none:predict", "/v1/%00:predict"]
    )
    body = rng.choice(bodies)
    connection = http.client.HTTPConnection(ports[1], timeout=30)
    connection.request(rng.choice(["POST", "POST", "PUT"]), path, body if rng.random() < 0.5 else mutated(rng, body or b"{}"))
    status = connection.getresponse().status
    connection.close()
    return f"REST {status}"


def send_socket(rng, name, ports, requests, ask):
    """Bytes that are no HTTP, or a request that is cut off midway."""
    host, port = ports[rng.randrange(2)].split(":")
    whole = f'POST /v1/models/{name}:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{{"instances": [[1'.encode()
    with socket.create_connection((host, int(port)), timeout=30) as connection, contextlib.suppress(OSError):
        connection.sendall(rng.choice([rng.randbytes(200), whole[: rng.randrange(1, len(whole))], whole]))
    return "socket cut off"


if __name__ == "__main__":
    main()
