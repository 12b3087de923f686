"""Prefill and decode rates of llama.cpp, through llama-cpp-python's C bindings, as one JSON line.

    peer_llama_cpp.py MODEL.gguf THREADS PROMPT GENERATE REPETITIONS
"""

import ctypes
import json
import sys
import time

import llama_cpp as llama


def decode(context, tokens):
    # The batch keeps only a pointer, so the array must outlive the call.
    array = (llama.llama_token * len(tokens))(*tokens)
    batch = llama.llama_batch_get_one(array, len(tokens))
    if llama.llama_decode(context, batch) != 0:
        sys.exit("llama_decode failed")
    llama.llama_synchronize(context)


def main():
    path, threads, prompt, generate, repetitions = sys.argv[1], *map(int, sys.argv[2:6])
    silent = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(silent, ctypes.c_void_p(0))
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    if not model:
        sys.exit(f"llama.cpp cannot load {path}")
    settings = llama.llama_context_default_params()
    settings.n_ctx = prompt + generate + 256
    settings.n_batch, settings.n_ubatch = 2048, 512
    settings.n_threads = settings.n_threads_batch = threads
    settings.flash_attn_type = 1
    context = llama.llama_init_from_model(model, settings)
    vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    tokens = [(7 * i * i + 3 * i + 1) % min(vocabulary, 30000) for i in range(prompt + generate)]
    prefill_rates, decode_rates = [], []
    for repetition in range(repetitions + 1):
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        start = time.perf_counter()
        for first in range(0, prompt, 2048):
            decode(context, tokens[first : min(prompt, first + 2048)])
        middle = time.perf_counter()
        for token in tokens[prompt:]:
            decode(context, [token])
        end = time.perf_counter()
        if repetition > 0:
            prefill_rates.append(prompt / (middle - start))
            decode_rates.append(generate / (end - middle))
    print(json.dumps({"engine": "llama.cpp", "prefill": prefill_rates, "decode": decode_rates}))


if __name__ == "__main__":
    main()
