"""A server under test, and the checks that are run against it. Imported by the `*_conformance.py` beside it."""

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

NAME = "smollm2-135m"


class Server:
    """`HEARTH serve MODEL` with `arguments` on a free port; the model is also called NAME. Responses are stored at `storage`."""

    def __init__(self, hearth, model, storage="memory", arguments=()):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.command = [hearth, "serve", model, "--port", str(self.port), "--alias", NAME, *arguments]
        # The storage comes last: checks put another in its place.
        self.command += ["--log-level", "warning", "--storage", storage]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        self.wait_ready()

    def restart(self):
        """Stops the server as a service manager does, and starts it again."""
        self.process.terminate()
        assert self.process.wait(60) == 0, self.process.returncode
        self.start()

    def wait_ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(self.origin + "/ready", timeout=2).status == 200:
                    return
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}")
            time.sleep(0.05)
        sys.exit("the server was not ready within a minute")

    def metric(self, name):
        text = urllib.request.urlopen(self.origin + "/metrics", timeout=10).read().decode()
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? ([0-9.e+-]+)$", text, re.M)
        assert values, f"no metric {name} in:\n{text}"
        return sum(float(value) for value in values)

    def wait_idle(self):
        """Waits until nothing is computed any more, and checks that nothing is left behind."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.metric("vllm:num_requests_running") == 0 and self.metric("vllm:num_requests_waiting") == 0:
                break
            time.sleep(0.1)
        assert self.metric("vllm:num_requests_running") == 0, "requests are stuck"
        assert self.metric("vllm:num_requests_waiting") == 0, "requests are stuck in the queue"
        assert self.metric("hearth_cache_blocks_used") == 0, "blocks leaked"
        assert self.metric("hearth_engine_invariant_violations_total") == 0


def run(checks, make_client, storage="memory", arguments=()):
    """Starts the server that the command line names, runs every check, and prints `N passed, N failed`."""
    server = Server(sys.argv[1], sys.argv[2], storage, arguments)
    server.client = make_client(server.origin)
    finish(server, checks)


def finish(server, checks, *given):
    """Runs every check with the server and what is given, stops it, prints `N passed, N failed`, and exits."""
    failed = 0
    try:
        for function in checks:
            try:
                function(server, *given)
                print(f"ok      {function.__name__}")
            except Exception as error:
                failed += 1
                print(f"FAILED  {function.__name__}: {type(error).__name__}: {error}")
    finally:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(60)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
