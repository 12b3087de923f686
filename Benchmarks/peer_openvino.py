"""OpenVINO GenAI as a resident engine: loads one GGUF file, then answers one measure a line on stdin with one JSON line.

    peer_openvino.py MODEL.gguf THREADS

Measures and protocol are those of peer_llama_cpp.py. Everything goes through its continuous-batching pipeline, one step at
a time: the engine that its simpler pipeline uses on processors, too. A file that it cannot load is answered with {"error"}
instead of {"ready"}. Between measures it blocks on stdin, and its threads sleep.
"""

import json
import sys
import time

import numpy as np
import openvino
import openvino_genai

GENERATED = 32
BLOCK_SIZE = 32  # tokens of a cache block on processors
BLOCK_COUNT = 2048
STEP_TOKENS = 4096


class Engine:
    def __init__(self, path, threads):
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.num_kv_blocks = BLOCK_COUNT
        scheduler.enable_prefix_caching = False
        # Prompts are read whole, as by its pipeline for one prompt, up to a length that keeps activations small.
        scheduler.max_num_batched_tokens = STEP_TOKENS
        scheduler.max_num_seqs = 64
        self.pipeline = openvino_genai.ContinuousBatchingPipeline(
            path, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads}
        )
        self.vocabulary = min(len(self.pipeline.get_tokenizer().get_vocab()), 30000)
        self.next_request = 0
        self.shapes = set()

    def token(self, position, stream):
        return (7 * position * position + 3 * position + 1 + 11 * stream) % self.vocabulary

    def submit(self, length, generated, stream=0):
        tokens = np.array([[self.token(position, stream) for position in range(length)]], dtype=np.int64)
        settings = openvino_genai.GenerationConfig()
        settings.max_new_tokens = settings.min_new_tokens = generated
        settings.ignore_eos, settings.do_sample = True, False
        self.next_request += 1
        return self.pipeline.add_request(self.next_request, openvino.Tensor(tokens), settings)

    def run_until_started(self, handles):
        """Steps until every request has its first token; nobody has read it yet."""
        while not all(handle.can_read() for handle in handles):
            self.pipeline.step()

    def drain(self):
        while self.pipeline.has_non_finished_requests():
            self.pipeline.step()

    def require_cached(self, length):
        """The cache must hold as many blocks as a prompt of `length` tokens fills: then it was really read."""
        blocks = self.pipeline.get_metrics().cache_usage / 100 * BLOCK_COUNT
        expected = -(-length // BLOCK_SIZE)
        if not expected - 0.5 < blocks < expected + 1.5:
            raise RuntimeError(f"the cache holds {blocks:.1f} blocks after a prompt of {expected}")

    def prefill(self, length):
        start = time.perf_counter()
        handle = self.submit(length, 2)
        self.run_until_started([handle])
        seconds = time.perf_counter() - start
        self.require_cached(length)
        self.drain()
        return length / seconds

    def decode(self, depth, streams):
        """Every step brings one token of every stream, from the second on."""
        handles = [self.submit(max(depth, 1), GENERATED + 8, stream) for stream in range(streams)]
        self.run_until_started(handles)
        if streams == 1:
            self.require_cached(max(depth, 1))
        before = sum(self.tokens(handle) for handle in handles)
        start = time.perf_counter()
        for _ in range(GENERATED):
            self.pipeline.step()
        seconds = time.perf_counter() - start
        generated = sum(self.tokens(handle) for handle in handles)
        if generated != GENERATED * streams:
            raise RuntimeError(f"{GENERATED} steps of {streams} streams brought {generated} tokens after {before}")
        self.drain()
        return generated / seconds

    @staticmethod
    def tokens(handle):
        """How many tokens have come since the last call."""
        count = 0
        while handle.can_read():
            count += sum(len(output.generated_ids) for output in handle.read().values())
        return count

    def measure(self, kind, size):
        """Tokens a second, after a warm-up that is not counted.

        It compiles kernels for shapes it has not met, so the first time the warm-up has the measure's shape; later a short
        one does.
        """
        streams = size if kind == "batch" else 1
        is_new = (kind, size) not in self.shapes
        self.shapes.add((kind, size))
        length = min(size, STEP_TOKENS) if is_new and kind == "prefill" else 16
        # Whoever lets go of a handle cancels the request.
        handles = [self.submit(length, 4, stream) for stream in range(streams)]
        self.drain()
        if not all(handle.can_read() for handle in handles):
            raise RuntimeError("the warm-up brought no tokens")
        return self.prefill(size) if kind == "prefill" else self.decode(size if kind == "decode" else 0, streams)


def answer(values):
    print(json.dumps(values), flush=True)


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    try:
        engine = Engine(path, threads)
    except Exception as error:  # of every kind: C++ exceptions come as several
        answer({"error": f"cannot load the file: {str(error).strip().splitlines()[-1]}"})
        return
    answer({"ready": True})
    for line in sys.stdin:
        kind, size = line.strip().split("-")
        try:
            answer({"rate": engine.measure(kind, int(size))})
        except Exception as error:
            answer({"rate": None, "error": str(error).strip().splitlines()[-1]})


if __name__ == "__main__":
    main()
