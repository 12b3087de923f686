"""Writes low-rank adapters of the tiny checkpoints, with the logits that numpy finds for the merged models.

    tiny_adapters.py FOLDER

For each architecture `NAME-adapter/` (as PEFT saves it) and `NAME-adapter.gguf` (as llama.cpp converts it) say the same. For
each base there is `BASE.adapted.logits`, float32 `[tokens, vocabulary]` for the tokens of tiny_models.py.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy as np

from reference_decoder import ReferenceDecoder
from tiny_models import HEAD_WIDTH, TOKENS, random_for, shapes

ALPHA, RANK = 12.0, 5
RANKS = {"q_proj": 16, "layers.1.mlp.up_proj": 1}
UNCHANGED = ("model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj")
BASES = {"llama": ["llama-f32.gguf", "llama-folder"], "qwen3": ["qwen3-f32.gguf"], "gemma3": ["gemma3-f32.gguf"]}


def rank_of(name):
    return next((rank for ending, rank in RANKS.items() if name.endswith("." + ending)), RANK)


def factors(architecture):
    """(GGUF name, folder name, A, B) of every linear layer that is changed, rows as in folders."""
    for role, name, folder_name, rows, columns in shapes(architecture):
        plain = folder_name.removesuffix(".weight")
        if role != "matrix" or ".layers." not in plain or plain in UNCHANGED:
            continue
        rank = rank_of(plain)
        a = random_for(plain + ".A").standard_normal((rank, columns)).astype(np.float32) * np.float32(0.08)
        b = random_for(plain + ".B").standard_normal((rows, rank)).astype(np.float32) * np.float32(0.08)
        yield name.removesuffix(".weight"), plain, a, b


def permuted(name, rows):
    """Rows of queries and keys as llama's GGUF files order them: the two that are turned together side by side."""
    if not name.endswith(("attn_q", "attn_k")):
        return rows
    heads = rows.reshape(-1, 2, HEAD_WIDTH // 2, rows.shape[-1])
    return np.ascontiguousarray(heads.swapaxes(1, 2).reshape(rows.shape))


def write_folder(path, architecture):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    header, data = {}, bytearray()
    for _, name, a, b in factors(architecture):
        for letter, values in (("A", a), ("B", b)):
            raw = values.tobytes()
            header[f"base_model.model.{name}.lora_{letter}.weight"] = {
                "dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)],
            }  # fmt: skip
            data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (path / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA, "rank_pattern": RANKS,
        "alpha_pattern": {}, "bias": "none", "fan_in_fan_out": False, "use_rslora": False, "use_dora": False,
        "modules_to_save": None, "target_modules": ["q_proj", "up_proj"],
    }  # fmt: skip
    (path / "adapter_config.json").write_text(json.dumps(config, indent=2))


def write_gguf(path, architecture):
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for name, _, a, b in factors(architecture):
        writer.add_tensor(name + ".weight.lora_a", a)
        writer.add_tensor(name + ".weight.lora_b", permuted(name, b) if architecture == "llama" else b)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class MergedDecoder(ReferenceDecoder):
    """The reference with W + alpha / rank · B A for W."""

    def __init__(self, path, architecture):
        self.deltas = {}
        for name, folder_name, a, b in factors(architecture):
            delta = np.float64(ALPHA) / len(a) * (b.astype(np.float64) @ a.astype(np.float64))
            if path.suffix == ".gguf" and architecture == "llama":
                delta = permuted(name, delta)
            self.deltas[(name if path.suffix == ".gguf" else folder_name) + ".weight"] = delta
        super().__init__(path)

    def tensor(self, name):
        values = super().tensor(name)
        return values + self.deltas[name] if name in self.deltas else values


def main():
    folder = pathlib.Path(sys.argv[1])
    for architecture, bases in BASES.items():
        for base in bases:
            done = folder / (base.removesuffix(".gguf") + ".adapted.logits")
            if done.exists():
                continue
            write_folder(folder / f"{architecture}-adapter", architecture)
            write_gguf(folder / f"{architecture}-adapter.gguf", architecture)
            partial = done.with_suffix(".partial")
            MergedDecoder(folder / base, architecture).logits(TOKENS).astype("<f4").tofile(partial)
            partial.rename(done)
            print(f"wrote an adapter of {base}")


if __name__ == "__main__":
    main()
