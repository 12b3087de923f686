"""What the tests take for right of NomicBERT and ModernBERT, numpy's vectors of the tiny encoders, beside llama.cpp's.

    encoders_beside_llama.py FOLDER

FOLDER is what tiny_encoders.py wrote. llama.cpp computes in other precisions: a cosine of 0.99999 is asked for. Needs
xllamacpp. Exits with 1 when a vector is further away.
"""

import json
import pathlib
import sys

import numpy as np
import xllamacpp

NAMES = ("nomic-f32", "modern-f32")


def vectors(path, texts):
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.embedding = True
    settings.n_ctx = settings.n_batch = settings.n_ubatch = 512
    settings.n_parallel = 1
    settings.verbosity = 0
    settings.warmup = False
    server = xllamacpp.Server(settings)
    found = []
    for tokens in texts:
        answer = server.handle_embeddings({"input": tokens, "encoding_format": "float"})
        answer = json.loads(answer) if isinstance(answer, str) else answer
        vector = np.array(answer["data"][0]["embedding"]).reshape(-1)
        found.append(vector / np.linalg.norm(vector))
    return np.stack(found)


def main(folder):
    worst = 1.0
    for name in NAMES:
        path = pathlib.Path(folder, name + ".gguf")
        texts = json.loads(path.with_suffix(".tokens.json").read_text())
        reference = np.fromfile(path.with_suffix(".vectors"), "<f4").reshape(len(texts), -1)
        cosine = (vectors(path, texts) * reference).sum(-1).min()
        print(f"{name}: worst cosine of llama.cpp's vectors to numpy's {cosine:.7f}")
        worst = min(worst, cosine)
    return 0 if worst >= 0.99999 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
