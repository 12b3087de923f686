"""Reference logits of a real model: numpy's at every position, and llama.cpp's distribution after some prefixes.

    real_models.py MODEL.gguf OUT

Writes OUT.tokens (int32), OUT.logits (float32 `[tokens, vocabulary]`, numpy), OUT.peer (float32 `[prefixes, vocabulary]`,
log probabilities of llama.cpp after each prefix of PREFIXES tokens, NaN where it names no value), and prints how far the
two references are from each other. Needs numpy, gguf and xllamacpp.
"""

import json
import pathlib
import sys
import urllib.request

import numpy as np

from reference_decoder import ReferenceDecoder

TOKEN_COUNT = 64
PREFIXES = [4, 9, 16, 25, 33, 40, 48, 64]


def tokens_of(decoder):
    """Letters-and-space pieces of the vocabulary in a seeded order: words, if not sentences."""
    pieces = decoder.weights.metadata["tokenizer.ggml.tokens"]
    words = [i for i, piece in enumerate(pieces) if piece[1:].isalpha() and piece[:1] in "Ġ▁" and len(piece) > 3]
    return np.random.default_rng(7).choice(words[:20000], TOKEN_COUNT).astype(np.int32)


def peer_logprobs(path, tokens, vocabulary):
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = 512
    settings.warmup = False
    server = xllamacpp.Server(settings)
    rows = np.full((len(PREFIXES), vocabulary), np.nan, np.float32)
    for row, count in enumerate(PREFIXES):
        question = {
            "prompt": tokens[:count].tolist(), "n_predict": 1, "n_probs": vocabulary, "temperature": 0.0,
            "cache_prompt": False, "post_sampling_probs": False, "ignore_eos": False,
        }  # fmt: skip
        request = urllib.request.Request(
            server.listening_address + "/completion",
            json.dumps(question).encode(),
            {"Content-Type": "application/json"},
        )
        answer = json.load(urllib.request.urlopen(request, timeout=120))
        for entry in answer["completion_probabilities"][0]["top_logprobs"]:
            rows[row, entry["id"]] = entry["logprob"]
    return rows


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def main():
    path, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    if pathlib.Path(out + ".logits").exists():
        return
    decoder = ReferenceDecoder(path)
    tokens = tokens_of(decoder)
    logits = decoder.logits(tokens).astype("<f4")
    peer = peer_logprobs(path, tokens, logits.shape[1])
    ours = log_softmax(logits)[[count - 1 for count in PREFIXES]]
    known = np.isfinite(peer)
    error = np.sqrt(np.nanmean((ours - peer) ** 2)) / np.std(ours[known])
    agree = (ours.argmax(-1) == np.where(known, peer, -np.inf).argmax(-1)).mean()
    print(f"{path.name}: numpy beside llama.cpp: relative error {error:.4f}, top-1 agreement {agree:.2f}")
    tokens.astype("<i4").tofile(out + ".tokens")
    peer.astype("<f4").tofile(out + ".peer")
    logits.tofile(out + ".partial")
    pathlib.Path(out + ".partial").rename(out + ".logits")


if __name__ == "__main__":
    main()
