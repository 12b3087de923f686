"""An independent float32 BERT in numpy, one text at a time, to hold the engine's vectors against.

Follows Devlin et al., arXiv:1810.04805, and the public formats; weights are widened to float32. Pooling and the division by
the length are those of sentence-transformers.

    reference_encoder.py MODEL TEXTS.json OUT [TOKENIZER.json]

MODEL is a GGUF file or a Hugging Face folder; TEXTS.json a list of texts, or of lists of token ids, which are taken as they
are. For a model with a classifier, a cross-encoder, it is a list of pairs of texts, or of `{"tokens": [...], "second": n}`,
where n is the place of the second text. Writes OUT.tokens.json in the form with ids, and OUT.vectors (float32
`[texts, dimensions]`; of a cross-encoder the logits).
"""

import json
import math
import pathlib
import sys

import numpy as np

from reference_decoder import Weights
from reference_rotary_encoder import RotaryEncoder

GGUF_NAMES = {
    "words": "token_embd", "positions": "position_embd", "types": "token_types", "norm": "token_embd_norm",
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "attention_norm": "attn_output_norm",
    "up": "ffn_up", "down": "ffn_down", "output_norm": "layer_output_norm",
    "pooler": "cls", "classifier": "cls.output",
}  # fmt: skip
FOLDER_NAMES = {
    "words": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm",
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "o": "attention.output.dense", "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense", "down": "output.dense", "output_norm": "output.LayerNorm",
    "pooler": "pooler.dense", "classifier": "classifier",
}  # fmt: skip


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


class ReferenceEncoder:
    def __init__(self, path):
        self.weights = Weights(path)
        data = self.weights.metadata
        if self.weights.is_gguf:
            self.layers, self.heads = data["bert.block_count"], data["bert.attention.head_count"]
            self.epsilon = data["bert.attention.layer_norm_epsilon"]
            self.pooling = {1: "mean", 2: "first", 4: "rank"}[data["bert.pooling_type"]]
            self.root = ""
        else:
            self.layers, self.heads = data["num_hidden_layers"], data["num_attention_heads"]
            self.epsilon = data["layer_norm_eps"]
            self.root = "bert." if "classifier.weight" in self.weights else ""
            self.pooling = "rank"
        if not self.weights.is_gguf and not self.root:
            modules = json.loads((pathlib.Path(path) / "1_Pooling" / "config.json").read_text())
            self.pooling = "first" if modules["pooling_mode_cls_token"] else "mean"
        self.kept = {}

    def tensor(self, name, ending="weight", layer=None):
        gguf = self.weights.is_gguf
        start = "" if layer is None else f"blk.{layer}." if gguf else f"encoder.layer.{layer}."
        if name != "classifier":
            start = self.root + start
        full = start + (GGUF_NAMES if gguf else FOLDER_NAMES)[name] + "." + ending
        if full not in self.kept:
            self.kept[full] = self.weights[full]
        return self.kept[full]

    def norm(self, x, name, layer=None):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.epsilon)
        return scaled * self.tensor(name, layer=layer) + self.tensor(name, "bias", layer)

    def product(self, x, name, layer):
        return x @ self.tensor(name, layer=layer).T + self.tensor(name, "bias", layer)

    def vector(self, tokens, second=None):
        types = (np.arange(len(tokens)) >= (len(tokens) if second is None else second)).astype(int)
        x = self.tensor("words")[tokens] + self.tensor("positions")[: len(tokens)] + self.tensor("types")[types]
        x = self.norm(x, "norm")
        for layer in range(self.layers):
            q, k, v = (
                self.product(x, name, layer).reshape(len(tokens), self.heads, -1).transpose(1, 0, 2) for name in "qkv"
            )
            scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            attended = (weights @ v).transpose(1, 0, 2).reshape(len(tokens), -1)
            x = self.norm(x + self.product(attended, "o", layer), "attention_norm", layer)
            inner = self.product(x, "up", layer)
            inner = (inner * 0.5 * (1 + erf(inner / math.sqrt(2)))).astype(np.float32)
            x = self.norm(x + self.product(inner, "down", layer), "output_norm", layer)
        if self.pooling == "rank":
            summary = np.tanh(self.tensor("pooler") @ x[0] + self.tensor("pooler", "bias"))
            return self.tensor("classifier").reshape(-1) @ summary + self.tensor("classifier", "bias")
        pooled = x[0] if self.pooling == "first" else x.mean(0)
        return pooled / np.linalg.norm(pooled)


def encoded(tokenizer, text):
    if isinstance(text, str):
        return tokenizer.encode(text).ids
    if not isinstance(text[0], str):
        return text
    pair = tokenizer.encode(*text)
    return {"tokens": pair.ids, "second": pair.type_ids.index(1)}


def opened(path):
    """The encoder of the family that the checkpoint is of."""
    weights = Weights(path)
    name = weights.metadata.get("general.architecture") or weights.metadata.get("model_type")
    return ReferenceEncoder(path) if name == "bert" else RotaryEncoder(path, weights)


def main():
    model, texts, out = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text()), sys.argv[3]
    if pathlib.Path(out + ".vectors").exists():
        return
    if len(sys.argv) > 4:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(sys.argv[4])
        tokenizer.no_truncation()
        tokenizer.no_padding()
        texts = [encoded(tokenizer, text) for text in texts]
    encoder = opened(model)
    found = [
        encoder.vector(np.array(text["tokens"]), text["second"]) if isinstance(text, dict) else encoder.vector(np.array(text))
        for text in texts
    ]
    vectors = np.stack(found).astype("<f4")
    pathlib.Path(out + ".tokens.json").write_text(json.dumps(texts))
    vectors.tofile(out + ".partial")
    pathlib.Path(out + ".partial").rename(out + ".vectors")
    print(f"wrote {out}: {len(vectors)} vectors of {vectors.shape[1]}")


if __name__ == "__main__":
    main()
