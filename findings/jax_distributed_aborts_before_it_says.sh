#!/usr/bin/env bash
# Where process 0 of jax.distributed dies, the others are ended by abort() (status -6, a C++ stack
# trace) within a fraction of a second, by a thread of their own that cannot be told not to: no
# exception, no atexit, no `finally`, and a word of Python's comes too late. Where another process dies,
# a collective of gloo that waits for it does not always return, and process 0 is aborted only when
# heartbeats have been missed (100 s by default). With a peer that has ended by an error, a process that
# exits waits for it in a barrier (300 s by default), at JAX's atexit, and is then aborted as well.
# So: a word has to be said by whoever hears of the death first; fnet's processes reach JAX's service by
# a connection that stays open at its other end's death, and watch each other by one of their own.
# And gloo prints a line to standard output, in C++, when it has connected.
# Seen with jax 0.10.2, jaxlib 0.10.2, Linux x86-64:
#   process 0 killed: process 1 ended with -6 after 0.2 s, and its `finally` said nothing
#   its standard output: [Gloo] Rank 1 is connected to 1 peer ranks. ...
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2
cat > "$folder/process.py" <<'PYTHON'
import os
import sys
import time

import jax

port, number = sys.argv[1], int(sys.argv[2])
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
import jax.numpy as jnp
from jax.experimental import multihost_utils

multihost_utils.sync_global_devices("start")
if number == 0:
    time.sleep(1)
    os.kill(os.getpid(), 9)
try:
    time.sleep(60)
finally:
    print("finally", flush=True)
PYTHON
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import signal
import socket
import subprocess
import sys
import time

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
processes[0].wait()
begun = time.monotonic()
out, _ = processes[1].communicate(timeout=60)
took = time.monotonic() - begun
print(f"process 1 ended with {processes[1].returncode} after {took:.1f} s, and said: {out.strip()}")
assert processes[1].returncode == -signal.SIGABRT, "it is not aborted any more"
assert "finally" not in out, "it has time for a word now"
assert "[Gloo]" in out, "gloo does not print to standard output any more"
PYTHON
