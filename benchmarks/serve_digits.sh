#!/usr/bin/env bash
# As a user would: train digits, collide, export, serve, check over gRPC and REST; then kill the server midway.
#   PYTHON=.venv/bin/python benchmarks/serve_digits.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=$(mkdir -p "${1:-runs/served}" && cd "${1:-runs/served}" && pwd)
grpc=18500 rest=18501

serve() {
  : >"$folder/server.log"
  "$python" bin/serve_local --models="$folder/models" --port=$grpc --rest_port=$rest >"$folder/server.log" 2>&1 &
  server=$!
  until grep -q '^gRPC' "$folder/server.log"; do sleep 0.1; done
}
check() { "$python" bin/check_served --server="localhost:$1" --model_name=digits --run="$folder/run" "${@:2}"; }

flags=(--flagfile=bin/flagfiles/digits.flags --model_dir="$folder/trained" --out="$folder/run")
test -d "$folder/run" || "$python" bin/collide "${flags[@]}" >/dev/null 2>&1
for what in classifier mixture; do
  name=$([ $what = classifier ] && echo digits || echo hull)
  test -d "$folder/models/$name/1" || "$python" bin/export --run="$folder/run" --what=$what --out="$folder/models/$name/1"
done
serve
trap 'kill "$server"' EXIT
check $grpc 2>/dev/null
check $rest --rest 2>/dev/null | tail -6

echo "The server is killed and started again in the middle of 4,013 requests of one image:"
TQDM_MININTERVAL=0.1 check $grpc --batch_size=1 --concurrency=2 >"$folder/midway.txt" 2>"$folder/midway.log" &
checking=$!
until grep -qE ' [1-9][0-9]{2}/4013' "$folder/midway.log"; do sleep 0.05; done
{ kill -9 "$server" && wait "$server"; } 2>/dev/null || true
tr '\r' '\n' <"$folder/midway.log" | grep -oE '[0-9]+/4013' | tail -1
serve
wait $checking && tail -6 "$folder/midway.txt"
