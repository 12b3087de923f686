"""Programs that answer questions about grammars, one JSON object a line: ours, and peers behind `peer.py`."""

import json
import os
import resource
import select
import subprocess
import sys
import time

MEMORY_LIMIT = 6 << 30


class Engine:
    """A program that is asked, and started anew when it dies or does not answer in time.

    An answer is the program's JSON object. When there is none it is `{"compiled": False, "fault": …}` with what went
    wrong: no input may bring a program down or keep it busy without an end.
    """

    def __init__(self, command, name, seconds=60):
        self.command, self.name, self.seconds = command, name, seconds
        self.process = None
        # Seconds that answers were waited for.
        self.waited = 0.0

    def ask(self, **request):
        line = (json.dumps(request) + "\n").encode()
        start = time.monotonic()
        if self.process is None:
            self.start()
        try:
            answer = self.exchange(line)
            self.waited += time.monotonic() - start
        except (BrokenPipeError, TimeoutError, ConnectionError) as error:
            fault = "no answer in time" if isinstance(error, TimeoutError) else f"ended: {self.ending()}"
            self.stop()
            return {"compiled": False, "error": fault, "fault": fault}
        return json.loads(answer)

    def accepts(self, schema, texts, mode):
        return self.ask(op="accepts", kind="json_schema", source=schema, texts=texts, **mode)

    def start(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))

        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=limit
        )
        for pipe in (self.process.stdin, self.process.stdout):
            os.set_blocking(pipe.fileno(), False)

    def exchange(self, line):
        """Writes and reads at once, so that neither side waits for a full pipe."""
        deadline = time.monotonic() + self.seconds
        writer, reader = self.process.stdin.fileno(), self.process.stdout.fileno()
        sent, parts = 0, []
        while not (parts and parts[-1].endswith(b"\n")):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            readable, writable, _ = select.select([reader], [writer] if sent < len(line) else [], [], left)
            if writable:
                sent += os.write(writer, line[sent : sent + 65536])
            if readable:
                part = os.read(reader, 1 << 20)
                if not part:
                    raise ConnectionError
                parts.append(part)
        return b"".join(parts)

    def ending(self):
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its output"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None

    def processor_seconds(self):
        """Processor time that the running program has used, which other programs' load does not change."""
        try:
            with open(f"/proc/{self.process.pid}/stat") as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, AttributeError, IndexError):
            return 0.0

    def peak_bytes(self):
        """Most memory that the running program has held, in bytes; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                lines = [line for line in status if line.startswith("VmHWM:")]
            return int(lines[0].split()[1]) * 1024
        except (OSError, AttributeError, IndexError):
            return 0


def peer(name, seconds=60):
    """`xgrammar` or `llguidance`, in a process of its own."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
    return Engine([sys.executable, path, name], name, seconds)


def is_unsatisfiable(answer):
    """Whether a schema was refused because nothing is valid under it: then every instance is rightly refused."""
    return not answer.get("compiled") and bool(answer.get("unsatisfiable"))


def verdicts(answer, count):
    """What the engine said of `count` texts; None when it does not take the schema."""
    if is_unsatisfiable(answer):
        return [False] * count
    return answer["accepted"] if answer.get("compiled") else None
