"""An independent float32 forward pass in numpy, to hold the engine's logits against.

Follows the papers and the public configuration formats, shares no code with the engine, and has no cache, no batching
and no quantised arithmetic: weights are dequantised to float32 and every product is a float32 matrix product.

Sources: RMSNorm arXiv:1910.07467; RoPE arXiv:2104.09864; grouped queries arXiv:2305.13245; SwiGLU arXiv:2002.05202;
Gemma 3 report arXiv:2503.19786; the Llama 3.1 frequency scaling as published with its weights.
"""

import json
import math
import pathlib

import numpy as np


class Weights:
    """Float32 tensors by name, from a GGUF file or a Hugging Face folder."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.is_gguf = self.path.is_file()
        self._open_gguf() if self.is_gguf else self._open_folder()

    def _open_gguf(self):
        import gguf

        self._reader = gguf.GGUFReader(str(self.path))
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self.metadata = {name: field.contents() for name, field in self._reader.fields.items()}

    def _open_folder(self):
        from safetensors import safe_open

        self.metadata = json.loads((self.path / "config.json").read_text())
        self._tensors = {}
        for file in sorted(self.path.glob("*.safetensors")):
            handle = safe_open(str(file), framework="numpy")
            for name in handle.keys():
                self._tensors[name] = (file, name)

    def __contains__(self, name):
        return name in self._tensors

    def __getitem__(self, name):
        if self.is_gguf:
            import gguf

            tensor = self._tensors[name]
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            return values.reshape([int(size) for size in reversed(tensor.shape)])
        return read_safetensor(*self._tensors[name])


def read_safetensor(file, name):
    """One tensor of a safetensors file as float32; numpy has no bfloat16, so that one is widened by hand."""
    data = file.read_bytes()
    header_size = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8 : 8 + header_size])[name]
    begin, end = (8 + header_size + offset for offset in entry["data_offsets"])
    raw = data[begin:end]
    if entry["dtype"] == "BF16":
        values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(raw, {"F16": np.float16, "F32": np.float32}[entry["dtype"]]).astype(np.float32)
    return values.reshape(entry["shape"])


class Settings:
    """What the forward pass needs to know, read from either kind of metadata."""

    def __init__(self, weights):
        if weights.is_gguf:
            self._from_gguf(weights)
        else:
            self._from_config(weights.metadata.get("text_config", weights.metadata))

    def _from_gguf(self, weights):
        metadata = weights.metadata
        self.architecture = metadata["general.architecture"]
        get = lambda key, default=None: metadata.get(f"{self.architecture}.{key}", default)
        self.layers = get("block_count")
        self.width = get("embedding_length")
        self.heads = get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.head_width = get("attention.key_length", self.width // self.heads)
        self.epsilon = get("attention.layer_norm_rms_epsilon")
        self.rope_base = get("rope.freq_base", 10000.0)
        self.rope_dimensions = get("rope.dimension_count", self.head_width)
        self.adjacent = self.architecture == "llama"
        self.linear_factor = get("rope.scaling.factor", 1.0) if get("rope.scaling.type") == "linear" else 1.0
        self.frequency_divisors = weights["rope_freqs.weight"] if "rope_freqs.weight" in weights else None
        self.window = get("attention.sliding_window")
        self.window_pattern = get("attention.sliding_window_pattern", 6)
        self.query_scale = self.head_width**-0.5
        self.local_base = 10000.0
        self.norm_offset = 0.0
        self.names = gguf_names

    def _from_config(self, config):
        self.architecture = {"gemma3_text": "gemma3", "mistral": "llama"}.get(config["model_type"], config["model_type"])
        self.layers = config["num_hidden_layers"]
        self.width = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads", self.heads)
        self.head_width = config.get("head_dim") or self.width // self.heads
        self.epsilon = config["rms_norm_eps"]
        self.rope_base = config.get("rope_theta", 10000.0)
        self.rope_dimensions = self.head_width
        self.adjacent = False
        scaling = config.get("rope_scaling") or {}
        kind = scaling.get("rope_type", scaling.get("type"))
        self.linear_factor = scaling["factor"] if kind == "linear" else 1.0
        self.frequency_divisors = llama3_divisors(self, scaling) if kind == "llama3" else None
        self.window = config.get("sliding_window") if self.architecture == "gemma3" else None
        self.window_pattern = config.get("sliding_window_pattern", 6)
        self.query_scale = config.get("query_pre_attn_scalar", self.head_width) ** -0.5
        self.local_base = config.get("rope_local_base_freq", 10000.0)
        self.norm_offset = 1.0 if self.architecture == "gemma3" else 0.0
        self.names = folder_names(self.architecture)

    def is_local(self, layer):
        return self.architecture == "gemma3" and bool(self.window) and (layer + 1) % self.window_pattern != 0


def llama3_divisors(settings, scaling):
    """Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended."""
    count = settings.rope_dimensions // 2
    frequency = settings.rope_base ** (-np.arange(count) * 2.0 / settings.rope_dimensions)
    wavelength = 2 * math.pi / frequency
    original = scaling["original_max_position_embeddings"]
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    blend = np.clip((original / wavelength - low) / (high - low), 0, 1)
    return (1.0 / ((1 - blend) / factor + blend)).astype(np.float32)


def gguf_names(layer):
    prefix = f"blk.{layer}."
    return {
        "attention_norm": prefix + "attn_norm.weight",
        "post_attention_norm": prefix + "post_attention_norm.weight",
        "q": prefix + "attn_q", "k": prefix + "attn_k", "v": prefix + "attn_v", "o": prefix + "attn_output",
        "q_norm": prefix + "attn_q_norm.weight", "k_norm": prefix + "attn_k_norm.weight",
        "feed_forward_norm": prefix + "ffn_norm.weight",
        "post_feed_forward_norm": prefix + "post_ffw_norm.weight",
        "gate": prefix + "ffn_gate", "up": prefix + "ffn_up", "down": prefix + "ffn_down",
    }  # fmt: skip


def folder_names(architecture):
    gemma = architecture == "gemma3"

    def names(layer):
        prefix = f"model.layers.{layer}."
        attention, feed_forward = prefix + "self_attn.", prefix + "mlp."
        return {
            "attention_norm": prefix + "input_layernorm.weight",
            "post_attention_norm": prefix + "post_attention_layernorm.weight" if gemma else "",
            "q": attention + "q_proj", "k": attention + "k_proj",
            "v": attention + "v_proj", "o": attention + "o_proj",
            "q_norm": attention + "q_norm.weight", "k_norm": attention + "k_norm.weight",
            "feed_forward_norm": prefix + ("pre_feedforward" if gemma else "post_attention") + "_layernorm.weight",
            "post_feed_forward_norm": prefix + "post_feedforward_layernorm.weight",
            "gate": feed_forward + "gate_proj", "up": feed_forward + "up_proj", "down": feed_forward + "down_proj",
        }  # fmt: skip

    return names


class ReferenceDecoder:
    """Logits `[tokens, vocabulary]` of one sequence from position 0."""

    def __init__(self, path):
        self.weights = Weights(path)
        self.settings = Settings(self.weights)
        self._kept = {}

    def tensor(self, name):
        if name not in self._kept:
            self._kept[name] = self.weights[name]
        return self._kept[name]

    def gain(self, name):
        return self.tensor(name) + self.settings.norm_offset

    def norm(self, x, name):
        if name not in self.weights:
            return x
        scale = 1.0 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.settings.epsilon)
        return (x * scale * self.gain(name)).astype(np.float32)

    def linear(self, x, name):
        y = x @ self.tensor(name + ".weight").T
        return y + self.tensor(name + ".bias") if name + ".bias" in self.weights else y

    def rotate(self, x, local):
        """RoPE over `[tokens, heads, headWidth]`, positions from 0."""
        s = self.settings
        count = s.rope_dimensions // 2
        base = s.local_base if local else s.rope_base
        frequency = base ** (-np.arange(count) * 2.0 / s.rope_dimensions)
        if not local:
            frequency = frequency / s.linear_factor
            if s.frequency_divisors is not None:
                frequency = frequency / s.frequency_divisors
        angle = np.arange(x.shape[0])[:, None] * frequency
        cos, sin = (f(angle).astype(np.float32)[:, None, :] for f in (np.cos, np.sin))
        y = x.copy()
        if s.adjacent:
            first, second = slice(0, 2 * count, 2), slice(1, 2 * count, 2)
        else:
            first, second = slice(0, count), slice(count, 2 * count)
        y[..., first] = x[..., first] * cos - x[..., second] * sin
        y[..., second] = x[..., first] * sin + x[..., second] * cos
        return y

    def attend(self, x, names, layer):
        s, count = self.settings, x.shape[0]
        shape = lambda y, heads: y.reshape(count, heads, s.head_width)
        q = self.norm(shape(self.linear(x, names["q"]), s.heads), names["q_norm"])
        k = self.norm(shape(self.linear(x, names["k"]), s.kv_heads), names["k_norm"])
        v = shape(self.linear(x, names["v"]), s.kv_heads)
        q, k = self.rotate(q, s.is_local(layer)), self.rotate(k, s.is_local(layer))
        distance = np.arange(count)[:, None] - np.arange(count)[None, :]
        visible = distance >= 0
        if s.is_local(layer):
            visible &= distance < s.window
        out = np.empty_like(q)
        for head in range(s.heads):
            kv = head // (s.heads // s.kv_heads)
            scores = np.where(visible, (q[:, head] @ k[:, kv].T) * np.float32(s.query_scale), -np.inf)
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[:, head] = (scores / scores.sum(axis=-1, keepdims=True)) @ v[:, kv]
        return self.linear(out.reshape(count, -1), names["o"])

    def feed_forward(self, x, names):
        gate, up = self.linear(x, names["gate"]), self.linear(x, names["up"])
        if self.settings.architecture == "gemma3":
            gate = 0.5 * gate * (1 + np.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3)))
        else:
            gate = gate / (1 + np.exp(-gate))
        return self.linear((gate * up).astype(np.float32), names["down"])

    def states(self, tokens):
        """What the last norm yields, `[tokens, width]`."""
        s, gguf = self.settings, self.weights.is_gguf
        table = self.tensor("token_embd.weight" if gguf else "model.embed_tokens.weight")
        x = table[np.asarray(tokens)]
        if s.architecture == "gemma3":
            x = x * np.float32(math.sqrt(s.width))
        for layer in range(s.layers):
            names = s.names(layer)
            y = self.attend(self.norm(x, names["attention_norm"]), names, layer)
            x = x + self.norm(y, names["post_attention_norm"])
            y = self.feed_forward(self.norm(x, names["feed_forward_norm"]), names)
            x = x + self.norm(y, names["post_feed_forward_norm"])
        return self.norm(x, "output_norm.weight" if gguf else "model.norm.weight")

    def logits(self, tokens):
        head, table = "lm_head.weight", "model.embed_tokens.weight"
        if self.weights.is_gguf:
            head, table = "output.weight", "token_embd.weight"
        return self.states(tokens) @ self.tensor(head if head in self.weights else table).T


def perplexity(decoder, tokens, chunk, chunks):
    """Mean over `chunks` chunks of `chunk` tokens; the first token of each is not scored."""
    total, scored = 0.0, 0
    for index in range(chunks):
        part = np.asarray(tokens[index * chunk : (index + 1) * chunk])
        logits = decoder.logits(part)[:-1].astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        total -= logprobs[np.arange(len(part) - 1), part[1:]].sum()
        scored += len(part) - 1
    return math.exp(total / scored), scored
