"""The command line as a user and a script see it: exit codes, JSON, interruption, two processes at once.

    command_line.py HEARTH MODEL.gguf

Uses a store of its own and a local hub (`hub_server.py`); nothing leaves the machine. Prints `N passed, N failed`.
"""

import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

from adapters_conformance import write_adapter

HERE = pathlib.Path(__file__).resolve().parent
HEARTH, MODEL = str(pathlib.Path(sys.argv[1]).resolve()), str(pathlib.Path(sys.argv[2]).resolve())
SIZE = 4_000_000
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Place:
    """A store, a hub and the environment of one check."""

    def __init__(self, faults=()):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name, "home")
        scenario = pathlib.Path(self.folder.name, "scenario.json")
        files = {"tiny-Q4_K_M.gguf": {"size": SIZE, "seed": 3, "lfs": True}}
        scenario.write_text(json.dumps({"repositories": {"owner/tiny": {"files": files}}, "faults": list(faults)}))
        self.log = pathlib.Path(self.folder.name, "log")
        self.hub = subprocess.Popen(
            [sys.executable, HERE / "hub_server.py", scenario, self.log], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports = [int(word) for word in self.hub.stdout.readline().split()]
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder.name, "HEARTH_HOME": str(self.home),
            "HF_ENDPOINT": f"http://127.0.0.1:{self.ports[0]}",
        }  # fmt: skip
        if "LD_LIBRARY_PATH" in os.environ:
            self.environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]

    def start(self, *arguments, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen([HEARTH, *map(str, arguments)], env=self.environment, **options)

    def run(self, *arguments, code=0, given=None, **environment):
        self.environment |= environment
        source = subprocess.PIPE if given is not None else subprocess.DEVNULL
        process = self.start(*arguments, stdin=source)
        output, errors = process.communicate(given, timeout=300)
        assert process.returncode == code, f"{arguments}: {process.returncode}, not {code}\n{output}{errors}"
        assert "\x1b" not in output + errors, f"{arguments}: escapes outside a terminal"
        return output, errors

    def ranges(self):
        requests = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [request["Range"] for request in requests if request["port"] == self.ports[1]]

    def partials(self):
        return [path for path in self.home.glob("blobs/*.partial")]

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.hub.stdin.close()
        self.hub.wait()
        self.folder.cleanup()


@check
def version_and_help():
    with Place() as place:
        assert place.run("--version")[0].strip().count(".") == 2
        assert "hearth serve smollm2-135m" in place.run("--help")[0]
        assert "Examples" in place.run("help", "pull")[0]
        assert "_hearth" in place.run("--generate-completion-script", "bash")[0]


@check
def wrong_usage_and_failure_have_their_codes():
    with Place() as place:
        place.run("nonsense", code=64)
        place.run("serve", code=64)
        errors = place.run("run", "smolm2-135m", "hi", code=1)[1]
        assert 'Did you mean "smollm2-135m"' in errors, errors
        assert "does not exist" in place.run("show", "./none.gguf", code=1)[1]
        errors = place.run("show", "smollm2-135m", code=1)[1]
        assert "hearth pull smollm2-135m" in errors and "Usage" not in errors, errors
        assert "HF_TOKEN" in place.run("pull", "hf:owner/none", code=1)[1]
        place.run("pull", "hf:owner", code=1)
        place.run("remove", "none", code=1)


@check
def a_home_that_cannot_be_used_is_explained():
    with Place() as place:
        errors = place.run("pull", "hf:owner/tiny", code=1, HEARTH_HOME="/proc/hearth")[1]
        assert "/proc/hearth" in errors, errors


@check
def the_store_is_in_the_home_of_the_environment():
    with Place() as place:
        del place.environment["HEARTH_HOME"]
        store = f"{place.folder.name}/.local/share/hearth"
        assert store in place.run("list")[1]
        assert f"{place.folder.name}/models" in place.run("list", HEARTH_HOME="~/models")[1]
        errors = place.run("show", "~/none.gguf", code=1)[1]
        assert f"{place.folder.name}/none.gguf" in errors, errors


@check
def numbers_beyond_their_use_are_refused():
    with Place() as place:
        for value in ("-5", "0", "many", "9223372036854775808"):
            errors = place.run("serve", MODEL, "--port", 0, code=64, HEARTH_CONTEXT_LENGTH=value)[1]
            assert "HEARTH_CONTEXT_LENGTH" in errors, errors
        del place.environment["HEARTH_CONTEXT_LENGTH"]
        place.run("serve", MODEL, "--port", 0, "--context-length", 0, code=64)
        place.run("run", MODEL, "hi", "--max-tokens", 9223372036854775807, code=64)
        place.run("perplexity", MODEL, "/nonexistent", "--chunk", 9223372036854775807, code=64)
        errors = place.run("run", MODEL, "hi", "--max-tokens", 2147483647, code=1)[1]
        assert "context holds" in errors, errors


@check
def pull_list_remove():
    with Place() as place:
        assert json.loads(place.run("list", "--json")[0]) == []
        assert any(entry["name"] == "smollm2-135m" for entry in json.loads(place.run("list", "--catalogue", "--json")[0]))
        pulled = json.loads(place.run("pull", "hf:owner/tiny", "--json")[0])
        assert pathlib.Path(pulled[0]["path"]).stat().st_size == SIZE
        listed = json.loads(place.run("list", "--json")[0])
        assert [model["name"] for model in listed] == ["hf:owner/tiny"] and listed[0]["size"] == SIZE
        assert "hf:owner/tiny" in place.run("list")[0]
        place.run("pull", "hf:owner/tiny", "--quiet")
        assert len(place.ranges()) == 1
        assert json.loads(place.run("remove", "hf:owner/tiny", "--json")[0])[0]["freed_bytes"] == SIZE
        assert json.loads(place.run("list", "--json")[0]) == []


@check
def two_pulls_at_once_share_the_work():
    with Place([{"path": ".gguf", "kind": "slow", "seconds": 0.5}]) as place:
        processes = [place.start("pull", "hf:owner/tiny") for _ in range(3)]
        results = [process.communicate(timeout=60) for process in processes]
        assert all(process.returncode == 0 for process in processes), results
        assert len(place.ranges()) == 1, place.ranges()


def interrupted(place, number, code):
    """Starts a pull whose connection stalls, ends it with a signal, and lets another one finish."""
    process = place.start("pull", "hf:owner/tiny")
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size > 0 for path in place.partials()):
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.02)
    process.send_signal(number)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == code, (process.returncode, errors)
    present = place.partials()[0].stat().st_size
    assert json.loads(place.run("list", "--json")[0]) == [], "half a model was taken for one"
    place.run("pull", "hf:owner/tiny")
    assert f"bytes={present}-" in place.ranges(), (present, place.ranges())
    assert place.partials() == []


STALL = [{"path": ".gguf", "kind": "slow", "seconds": 0, "times": 1}, {"path": ".gguf", "kind": "stall", "after": 1_000_000, "times": 1}]


@check
def an_interrupt_ends_a_pull_in_good_order_and_the_next_goes_on():
    with Place(STALL) as place:
        interrupted(place, signal.SIGINT, 130)


@check
def a_killed_pull_is_gone_on_with():
    with Place(STALL) as place:
        interrupted(place, signal.SIGKILL, -signal.SIGKILL)


@check
def a_terminal_gets_a_progress_bar():
    with Place([{"path": ".gguf", "kind": "drop", "after": 100_000, "times": 4}]) as place:
        leader, follower = pty.openpty()
        process = place.start("pull", "hf:owner/tiny", stderr=follower)
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        assert process.wait(timeout=60) == 0
        assert "█".encode() in shown or "·".encode() in shown, shown


@check
def tokens_of_a_text():
    with Place() as place:
        answer = json.loads(place.run("tokenize", MODEL, "Hello, world", "--json")[0])
        assert answer["count"] == len(answer["tokens"]) == len(answer["pieces"]) > 1
        assert place.run("tokenize", MODEL, "--ids", given="Hello, world")[0].split() == [str(token) for token in answer["tokens"]]
        assert place.run("tokenize", MODEL, "--count", given="Hello, world")[0].strip() == str(answer["count"])
        assert "/nonexistent" in place.run("tokenize", MODEL, "--file", "/nonexistent", code=1)[1]
        place.run("tokenize", MODEL, "text", "--file", "/nonexistent", code=64)


@check
def one_answer_from_an_argument_or_standard_input():
    with Place() as place:
        arguments = ("run", MODEL, "--temperature", 0, "--max-tokens", 8, "--json")
        argued = json.loads(place.run(*arguments, "Say hi.")[0])
        assert argued["answer"] and 1 <= argued["completion_tokens"] <= 8
        assert argued["finish_reason"] in ("stop", "length"), argued
        assert json.loads(place.run(*arguments, given="Say hi.")[0]) == argued
        assert argued["answer"].strip() in place.run(*arguments[:-1], "Say hi.")[0]
        raw = json.loads(place.run(*arguments, "--raw", "Once upon a time")[0])
        assert raw["prompt_tokens"] < argued["prompt_tokens"]


@check
def a_chat_on_a_terminal():
    with Place() as place:
        leader, follower = pty.openpty()
        arguments = ("run", MODEL, "--temperature", 0, "--max-tokens", 8)
        process = place.start(*arguments, stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        os.write(leader, b"/hlep\nSay hi.\n/history\n/exit\n")
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        assert process.wait(timeout=60) == 0
        text = shown.decode(errors="replace")
        assert 'Did you mean "help"' in text and "assistant" in text, text


@check
def a_model_is_shown():
    with Place() as place:
        shown = json.loads(place.run("show", MODEL, "--json")[0])
        assert shown["path"] == MODEL and shown["architecture"] and shown["parameters"] > 1000 and shown["context_length"] > 0
        assert shown["architecture"] in place.run("show", MODEL)[0]


def wait_for_watch(process):
    """Waits until the program takes interrupts for itself, which it does while it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        if int(status["SigCgt"], 16) >> (signal.SIGINT - 1) & 1:
            # Some of the answer should be there.
            return time.sleep(0.3)
        time.sleep(0.01)
    raise AssertionError("the program watches no interrupts")


# One thread is slow enough to be interrupted.
LONG = ("--temperature", 0, "--max-tokens", 4000, "--threads", 1)


@check
def an_interrupted_answer_says_so():
    with Place() as place:
        for options in ((), ("--json",)):
            process = place.start("run", MODEL, *LONG, *options, "--raw", "Once upon a time")
            wait_for_watch(process)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 130, (process.returncode, output, errors)
        answer = json.loads(output)
        assert answer["finish_reason"] == "interrupted" and answer["completion_tokens"] < 4000, answer


@check
def every_answer_of_a_chat_can_be_stopped():
    with Place() as place:
        leader, follower = pty.openpty()
        process = place.start("run", MODEL, *LONG, stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        unread = b""

        def read_until(mark):
            """Reads to the end of `mark`; an empty one is met by anything but the end of a line."""
            nonlocal unread
            while not (mark in unread if mark else unread.strip()):
                assert select.select([leader], [], [], 60)[0], unread
                unread += os.read(leader, 65536)
            unread = unread.partition(mark)[2] if mark else b""

        read_until(b">>> ")
        for _ in range(2):
            os.write(leader, b"Count from 1 to 1000, one number in a line.\n")
            read_until(b"line.\r\n")
            read_until(b"")
            process.send_signal(signal.SIGINT)
            read_until(b"(stopped)")
            read_until(b">>> ")
        # Between answers an interrupt has its usual meaning.
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        os.close(leader)


@check
def output_that_cannot_be_written_is_a_failure():
    with Place() as place, open("/dev/full", "w") as full:
        process = place.start("tokenize", MODEL, "hi", "--json", stdout=full)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode == 1 and "Standard output cannot be written" in errors, (process.returncode, errors)
        # What a server has to say there is no result.
        process = place.start("serve", MODEL, "--port", 0, "--no-pack", stdout=full)
        line = process.stderr.readline()
        while line and "cannot be written" not in line:
            line = process.stderr.readline()
        assert line and process.poll() is None
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0


@check
def a_damaged_storage_that_nobody_named_keeps_no_server_from_starting():
    with Place() as place:
        place.home.mkdir()
        storage = place.home / "storage.sqlite"
        storage.write_text("no database " * 1000)
        process = place.start("serve", MODEL, "--port", 0, "--no-pack")
        line = process.stdout.readline()
        process.terminate()
        errors = process.communicate(timeout=60)[1]
        assert "is serving" in line and process.returncode == 0 and "kept in memory" in errors, (line, errors)
        assert "is damaged" in place.run("serve", MODEL, "--port", 0, "--storage", storage, code=1)[1]


@check
def figures_for_scripts():
    with Place() as place:
        text = pathlib.Path(place.folder.name, "text.txt")
        text.write_text("The quick brown fox jumps over the lazy dog. " * 40)
        figure = json.loads(place.run("perplexity", MODEL, text, "--chunk", 64, "--chunks", 2, "--json")[0])
        assert figure["tokens"] == 126 and 1 < figure["perplexity"] < 1000, figure
        rates = json.loads(place.run("bench", MODEL, "--prompt", 32, "--generate", 4, "--repetitions", 2, "--json")[0])
        assert len(rates["prefill"]) == len(rates["decode"]) == 2 and min(rates["prefill"] + rates["decode"]) > 0
        place.run("perplexity", MODEL, text, "--chunk", 100_000, code=64)
        place.run("perplexity", MODEL, "/nonexistent", code=1)
        errors = place.run("perplexity", MODEL, text, "--chunk", 64, "--adapter", "/nonexistent", code=1)[1]
        assert "no adapter called '/nonexistent'" in errors, errors
        place.run("bench", MODEL, code=64, HEARTH_ISA="abacus")


@check
def adapters_are_kept_for_a_model():
    with Place() as place:
        path = write_adapter(pathlib.Path(place.folder.name, "pirate-files"), 1, 8, 0.1)
        assert place.run("adapters", "add", "pirate", path, "--base", MODEL)[0].startswith("added ")
        assert "pirate" in place.run("adapters", "list")[0]
        shown = place.run("adapters", "show", "pirate", "--base", MODEL)[0]
        assert "8" in shown and "pirate" in shown, shown
        other = write_adapter(pathlib.Path(place.folder.name, "other"), 1, 2, 0.1, {"mlp.down_proj": (576, 576)})
        assert "mlp.down_proj" in place.run("adapters", "add", "other", other, "--base", MODEL, code=1)[1]
        place.run("adapters", "remove", "pirate", "--base", MODEL)
        assert "pirate" not in place.run("adapters", "list")[0]
        place.run("adapters", "remove", "pirate", "--base", MODEL, code=1)


@check
def a_reader_that_goes_away_is_no_crash():
    with Place() as place:
        text = pathlib.Path(place.folder.name, "text.txt")
        text.write_text("word " * 60_000)
        process = place.start("tokenize", MODEL, "--file", text, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) in (0, 141)


def main():
    failed = 0
    for function in CHECKS:
        try:
            function()
        except Exception as error:
            failed += 1
            print(f"FAILED {function.__name__}: {type(error).__name__}: {error}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
