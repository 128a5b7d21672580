#!/usr/bin/env bash
# As a user would: train digits, collide, export, serve, check over gRPC and REST; then kill the server midway.
#   PYTHON=.venv/bin/python benchmarks/serve_digits.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=$(mkdir -p "${1:-runs/served}" && cd "${1:-runs/served}" && pwd)
grpc=18500 rest=18501

serve() {
  "$python" bin/serve_local --models="$folder/models" --port=$grpc --rest_port=$rest >"$folder/server.log" 2>&1 &
  server=$!
  until grep -q '^gRPC' "$folder/server.log"; do sleep 0.1; done
}
check() { "$python" bin/check_served --server="localhost:$1" --model_name=digits --run="$folder/run" "${@:2}" 2>/dev/null; }

"$python" bin/collide --flagfile=bin/flagfiles/digits.flags --model_dir="$folder/trained" --out="$folder/run" 2>/dev/null >/dev/null
"$python" bin/export --run="$folder/run" --what=classifier --out="$folder/models/digits/1"
"$python" bin/export --run="$folder/run" --what=mixture --out="$folder/models/hull/1"
serve
trap 'kill "$server"' EXIT
check $grpc
check $rest --rest | tail -6

echo "The server is killed and started again in the middle of 4,013 requests of one image:"
check $grpc --batch_size=1 --concurrency=2 >"$folder/midway.txt" &
checking=$!
sleep "${KILL_AFTER:-8}"
{ kill -9 "$server" && wait "$server"; } 2>/dev/null || true
echo "killed; the check is $(kill -0 $checking 2>/dev/null && echo under way || echo over)"
serve
wait $checking && tail -6 "$folder/midway.txt"
