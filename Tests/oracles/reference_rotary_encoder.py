"""Independent numpy encoders whose positions turn queries and keys: NomicBERT and ModernBERT.

From the papers and the published configurations: Nussbaum et al., arXiv:2402.01613, section 3; Warner et al.,
arXiv:2412.13663, section 2; RoPE arXiv:2104.09864; gated feed-forward arXiv:2002.05202. Used by reference_encoder.py.
"""

import json
import math
import pathlib

import numpy as np

NOMIC_FOLDER = {
    "words": "embeddings.word_embeddings", "types": "embeddings.token_type_embeddings", "norm": "emb_ln",
    "qkv": "attn.Wqkv", "o": "attn.out_proj", "attention_norm": "norm1", "gate": "mlp.fc12", "up": "mlp.fc11",
    "down": "mlp.fc2", "output_norm": "norm2", "layer": "encoder.layers.",
}  # fmt: skip
MODERN_FOLDER = {
    "words": "embeddings.tok_embeddings", "norm": "embeddings.norm", "qkv": "attn.Wqkv", "o": "attn.Wo",
    "attention_norm": "attn_norm", "gate_up": "mlp.Wi", "down": "mlp.Wo", "output_norm": "mlp_norm", "layer": "layers.",
    "final_norm": "final_norm",
}  # fmt: skip
GGUF = {
    "words": "token_embd", "types": "token_types", "norm": "token_embd_norm", "qkv": "attn_qkv", "o": "attn_output",
    "gate": "ffn_gate", "down": "ffn_down", "layer": "blk.", "final_norm": "output_norm",
}  # fmt: skip
NOMIC_GGUF = GGUF | {"attention_norm": "attn_output_norm", "output_norm": "layer_output_norm", "up": "ffn_up"}
MODERN_GGUF = GGUF | {"attention_norm": "attn_norm", "output_norm": "ffn_norm", "gate_up": "ffn_up"}


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


class RotaryEncoder:
    def __init__(self, path, weights):
        self.path, self.weights, self.data = pathlib.Path(path), weights, weights.metadata
        name = self.data["general.architecture"] if weights.is_gguf else self.data["model_type"]
        self.is_modern = name in ("modern-bert", "modernbert")
        self._read_gguf(name) if weights.is_gguf else self._read_folder()

    def _read_gguf(self, name):
        get = lambda key, default=None: self.data.get(f"{name}.{key}", default)
        self.names = MODERN_GGUF if self.is_modern else NOMIC_GGUF
        self.layers, self.heads = get("block_count"), get("attention.head_count")
        self.epsilon = get("attention.layer_norm_epsilon")
        self.base, self.local_base = get("rope.freq_base"), 10000.0
        self.window, self.period = get("attention.sliding_window"), get("attention.sliding_window_pattern", 1)
        self.pooling = {1: "mean", 2: "first"}[get("pooling_type")]
        self.root = ""

    def _read_folder(self):
        data = self.data
        if self.is_modern:
            self.names = MODERN_FOLDER
            self.layers, self.heads, self.epsilon = data["num_hidden_layers"], data["num_attention_heads"], data["norm_eps"]
            self.base, self.local_base = data["global_rope_theta"], data["local_rope_theta"]
            self.window, self.period = data["local_attention"], data["global_attn_every_n_layers"]
        else:
            self.names = NOMIC_FOLDER
            self.layers, self.heads, self.epsilon = data["n_layer"], data["n_head"], data["layer_norm_epsilon"]
            self.base, self.window, self.period = data["rotary_emb_base"], None, 1
        modules = json.loads((self.path / "1_Pooling" / "config.json").read_text())
        self.pooling = "first" if modules["pooling_mode_cls_token"] else "mean"
        prefix = "model." if self.is_modern else "bert."
        self.root = prefix if prefix + self.names["words"] + ".weight" in self.weights else ""

    def name(self, name, layer=None, ending="weight"):
        start = "" if layer is None else f"{self.names['layer']}{layer}."
        return f"{self.root}{start}{self.names[name]}.{ending}"

    def norm(self, x, name, layer=None):
        if self.name(name, layer) not in self.weights:
            return x
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.epsilon)
        bias = self.name(name, layer, "bias")
        return scaled * self.weights[self.name(name, layer)] + (self.weights[bias] if bias in self.weights else 0)

    def product(self, x, name, layer):
        return x @ self.weights[self.name(name, layer)].T

    def rotated(self, x, base):
        """`[tokens, heads, width]` with elements i and i + width/2 of a head turned by position · base^(−2i/width)."""
        count, width = x.shape[0], x.shape[-1]
        angles = np.arange(count)[:, None] * base ** (-np.arange(width // 2) * 2.0 / width)
        turn = np.exp(1j * angles)[:, None, :]
        pairs = (x[..., : width // 2] + 1j * x[..., width // 2 :]) * turn
        return np.concatenate([pairs.real, pairs.imag], axis=-1)

    def attended(self, x, layer):
        is_local = bool(layer % self.period)
        base = self.local_base if is_local else self.base
        count = len(x)
        q, k, v = (part.reshape(count, self.heads, -1) for part in np.split(self.product(x, "qkv", layer), 3, axis=-1))
        q, k = self.rotated(q, base), self.rotated(k, base)
        distance = abs(np.arange(count)[:, None] - np.arange(count)[None, :])
        seen = distance <= self.window // 2 if is_local else distance >= 0
        scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        scores = np.where(seen, scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return self.product(np.einsum("hqk,khd->qhd", weights, v).reshape(count, -1), "o", layer)

    def fed_forward(self, x, layer):
        if self.is_modern:
            gate, up = np.split(self.product(x, "gate_up", layer), 2, axis=-1)
            inner = gate * 0.5 * (1 + erf(gate / math.sqrt(2))) * up
        else:
            gate, up = self.product(x, "gate", layer), self.product(x, "up", layer)
            inner = gate / (1 + np.exp(-gate)) * up
        return self.product(inner, "down", layer)

    def vector(self, tokens, second=None):
        assert second is None, "these encoders make vectors only"
        x = self.weights[self.name("words")][tokens]
        if not self.is_modern:
            x = x + self.weights[self.name("types")][0]
        x = self.norm(x, "norm")
        for layer in range(self.layers):
            if self.is_modern:
                x = x + self.attended(self.norm(x, "attention_norm", layer), layer)
                x = x + self.fed_forward(self.norm(x, "output_norm", layer), layer)
            else:
                x = self.norm(x + self.attended(x, layer), "attention_norm", layer)
                x = self.norm(x + self.fed_forward(x, layer), "output_norm", layer)
        if self.is_modern:
            x = self.norm(x, "final_norm")
        pooled = x[0] if self.pooling == "first" else x.mean(0)
        return pooled / np.linalg.norm(pooled)
