"""Hearth's server and llama.cpp's as processes: started, warmed up, watched, stopped."""

import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import streams

TICKS = os.sysconf("SC_CLK_TCK")
COMPUTE_THREADS = re.compile(r"hearth-(engine|work)")


class Server:
    """A server that listens on a free port of this machine as long as the `with` lasts."""

    def __init__(self, command):
        with socket.socket() as probe:
            probe.bind((streams.HOST, 0))
            self.port = probe.getsockname()[1]
        self.command = [str(word).replace("{port}", str(self.port)) for word in command]

    def __enter__(self):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit(f"{' '.join(self.command)} did not start:\n{self.tail}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        self.tail = self.log.read()[-2000:]
        self.log.close()

    def is_ready(self):
        try:
            for path in ("/health", "/ready"):
                urllib.request.urlopen(f"http://{streams.HOST}:{self.port}{path}", timeout=5).read()
        except urllib.error.HTTPError as error:
            return error.code == 404  # llama.cpp says all it has to say under /health
        except OSError:
            return False
        return True

    def warm_up(self):
        """Answers a few small requests, so that everything is mapped and every thread has run."""
        streams.run(self.port, [body(tokens(seed, 24), 8) for seed in (-1, -2)])

    def processor_seconds(self):
        """Processor time so far of the threads that compute, and of all others."""
        computing, other = 0.0, 0.0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text().partition(") ")
            seconds = sum(int(word) for word in rest.split()[11:13]) / TICKS
            if COMPUTE_THREADS.search(name):
                computing += seconds
            else:
                other += seconds
        return computing, other


def hearth(options, *more):
    """`hearth serve` of the model, under the name `bench`."""
    command = [options.hearth, "serve", options.model, "--host", streams.HOST, "--port", "{port}", "--alias", "bench"]
    return Server([*command, "--threads", options.threads, *more])


def llama(options, context, *more):
    """llama.cpp's server with the same file and threads, and room for `context` tokens in all its slots together."""
    command = [options.llama_server, "-m", options.model, "--host", streams.HOST, "--port", "{port}"]
    return Server([*command, "-t", options.threads, "-tb", options.threads, "-c", context, *more])


def tokens(seed, count):
    """The same `count` token ids for the same seed, from a part of the vocabulary that all models have."""
    generator = random.Random(seed)
    return [generator.randrange(300, 30_000) for _ in range(count)]


def body(prompt, count):
    """A request for exactly `count` tokens after `prompt`, as a stream with token counts at its end."""
    return {
        "model": "bench", "prompt": prompt, "max_tokens": count, "temperature": 0, "ignore_eos": True,
        "stream": True, "stream_options": {"include_usage": True}, "return_token_ids": True,
    }  # fmt: skip
