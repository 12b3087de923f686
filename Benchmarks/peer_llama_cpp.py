"""llama.cpp as a resident engine: loads one model, then answers one measure a line on stdin with one JSON line.

    peer_llama_cpp.py MODEL.gguf THREADS REPACK FLASH    REPACK: 0 or 1; FLASH: 0, 1, or -1 as it comes

Measures: prefill-TOKENS, decode-DEPTH (one stream after DEPTH tokens), batch-STREAMS (one token a stream in each step).
Rates are tokens a second. Between measures it blocks on stdin, and its threads sleep.
"""

import ctypes
import json
import sys
import time

import llama_cpp as llama

GENERATED = 32


class Engine:
    def __init__(self, path, threads, repack, flash):
        self.silent = llama.llama_log_callback(lambda level, text, data: None)
        llama.llama_log_set(self.silent, ctypes.c_void_p(0))
        llama.llama_backend_init()
        settings = llama.llama_model_default_params()
        settings.use_extra_bufts = bool(repack)
        self.model = llama.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            sys.exit(f"llama.cpp cannot load {path}")
        self.threads, self.flash = threads, flash
        self.vocabulary = min(llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model)), 30000)

    def context(self, length, streams=1):
        """A context of `length` tokens a stream; batch sizes stay as llama.cpp sets them."""
        settings = llama.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max = length * streams, streams
        settings.n_threads = settings.n_threads_batch = self.threads
        settings.flash_attn_type = self.flash
        context = llama.llama_init_from_model(self.model, settings)
        if not context:
            sys.exit("llama.cpp cannot make a context")
        self.batch_limit = llama.llama_n_batch(context)
        return context

    def step(self, context, rows):
        """Runs one batch of (token, position, stream), with logits for the last row of each stream."""
        batch = llama.llama_batch_init(len(rows), 0, 1)
        last = {stream: index for index, (_, _, stream) in enumerate(rows)}
        for index, (token, position, stream) in enumerate(rows):
            batch.token[index], batch.pos[index] = token, position
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, stream
            batch.logits[index] = last[stream] == index
        batch.n_tokens = len(rows)
        failed = llama.llama_decode(context, batch)
        llama.llama_synchronize(context)
        llama.llama_batch_free(batch)
        if failed:
            sys.exit("llama_decode failed")

    def token(self, position, stream=0):
        return (7 * position * position + 3 * position + 1 + 11 * stream) % self.vocabulary

    def prefill(self, context, count):
        for first in range(0, count, self.batch_limit):
            self.step(context, [(self.token(p), p, 0) for p in range(first, min(count, first + self.batch_limit))])

    def generate(self, context, depth, streams):
        for position in range(depth, depth + GENERATED):
            self.step(context, [(self.token(position, s), position, s) for s in range(streams)])

    def measure(self, kind, size):
        """Tokens a second, after a short warm-up that is not counted."""
        streams = size if kind == "batch" else 1
        depth = size if kind == "decode" else 0
        context = self.context(max(size, 64) + 64 if streams == 1 else 128, streams)
        self.generate(context, 0, streams)
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        if depth:
            self.prefill(context, depth)
        start = time.perf_counter()
        if kind == "prefill":
            self.prefill(context, size)
        else:
            self.generate(context, depth, streams)
        seconds = time.perf_counter() - start
        llama.llama_free(context)
        return (size if kind == "prefill" else GENERATED * streams) / seconds


def main():
    path, threads, repack, flash = sys.argv[1], *map(int, sys.argv[2:5])
    engine = Engine(path, threads, repack, flash)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        kind, size = line.strip().split("-")
        print(json.dumps({"rate": engine.measure(kind, int(size))}), flush=True)


if __name__ == "__main__":
    main()
