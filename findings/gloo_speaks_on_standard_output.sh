#!/usr/bin/env bash
# With gloo as the collectives of a CPU, each process of jax.distributed writes a line to standard output
# when it has connected, from C++: sys.stdout cannot be asked to keep it back, and a program whose output
# is read by another (JSON lines, a CSV) begins with a line that is neither.
# So: the processes of `fnet train` give their standard output a descriptor of its own before JAX begins.
# Seen with jax 0.10.2, jaxlib 0.10.2, Linux x86-64: a process that prints {"epoch": 1} alone has on its
# standard output
#   [Gloo] Rank 1 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1
#   {"epoch": 1}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2
cat > "$folder/process.py" <<'PYTHON'
import sys

import jax

port, number = sys.argv[1], int(sys.argv[2])
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
from jax.experimental import multihost_utils

multihost_utils.sync_global_devices("start")
print('{"epoch": 1}', flush=True)
PYTHON
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import socket
import subprocess
import sys

folder = sys.argv[1]
with socket.create_server(("127.0.0.1", 0)) as server:
    port = str(server.getsockname()[1])
processes = [
    subprocess.Popen(
        [sys.executable, f"{folder}/process.py", port, str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for number in (0, 1)
]
lines = [process.communicate(timeout=120)[0].splitlines() for process in processes]
print(*lines[1], sep="\n")
assert all(of_one[0].startswith("[Gloo]") for of_one in lines), "gloo keeps standard output clean"
assert all(of_one[-1] == '{"epoch": 1}' for of_one in lines)
PYTHON
