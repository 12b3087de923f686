#!/usr/bin/env python3
"""Writes a GGUF file of a real model's shape with random weights, for measuring speed only.

    make_random_model.py SHAPE TYPE OUT.gguf        e.g. llama-3.2-1b Q4_K_M out.gguf

Speed does not depend on the values; their scale is sane, so that nothing overflows. Blocks are random bytes with fixed
scales, written one tensor at a time. Needs numpy and gguf.
"""

import sys

import gguf
import numpy as np

# layers, width, heads, KV heads, head width, feed-forward, vocabulary, architecture, rotary base
SHAPES = {
    "smollm2-135m": (30, 576, 9, 3, 64, 1536, 49152, "llama", 100000.0),
    "qwen2.5-0.5b": (24, 896, 14, 2, 64, 4864, 151936, "qwen2", 1000000.0),
    "llama-3.2-1b": (16, 2048, 32, 8, 64, 8192, 128256, "llama", 500000.0),
}

# Byte offsets of a block's half-precision scales and values that keep weights near ±0.05.
SCALES = {
    "Q4_0": {0: 0.006}, "Q4_1": {0: 0.006, 2: -0.045}, "Q5_0": {0: 0.003}, "Q8_0": {0: 0.0004},
    "Q4_K": {0: 0.00018, 2: 0.0013}, "Q6_K": {208: 0.00003},
}  # fmt: skip


def tensor_type(kind, name, layer, layers, columns):
    """The type a file of `kind` gives a tensor; Q4_K_M mixes as the usual quantiser does."""
    if kind != "Q4_K_M":
        return kind
    more_bits = layer is not None and (layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2)
    better = name == "token_embd" or (more_bits and name in ("attn_v", "ffn_down"))
    if columns % 256 != 0:
        return "Q8_0" if better else "Q5_0"
    return "Q6_K" if better else "Q4_K"


def blocks(rng, rows, columns, kind):
    if kind == "F32":
        return (rng.standard_normal((rows, columns), dtype=np.float32) * 0.02).astype(np.float32)
    if kind == "F16":
        return (rng.standard_normal((rows, columns), dtype=np.float32) * 0.02).astype(np.float16)
    if kind == "BF16":
        values = rng.standard_normal((rows, columns), dtype=np.float32) * 0.02
        return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(rows, columns * 2)
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    data = np.frombuffer(rng.bytes(rows * columns // block * size), np.uint8).reshape(-1, size).copy()
    for offset, scale in SCALES[kind].items():
        data[:, offset : offset + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    return data.reshape(rows, columns // block * size)


def tensors(shape):
    layers, width, heads, kv_heads, head_width, feed_forward, vocabulary, architecture, _ = shape
    yield "token_embd", None, vocabulary, width
    for layer in range(layers):
        yield "attn_q", layer, heads * head_width, width
        yield "attn_k", layer, kv_heads * head_width, width
        yield "attn_v", layer, kv_heads * head_width, width
        yield "attn_output", layer, width, heads * head_width
        yield "ffn_gate", layer, feed_forward, width
        yield "ffn_up", layer, feed_forward, width
        yield "ffn_down", layer, width, feed_forward


def vectors(shape):
    layers, width, heads, kv_heads, head_width, _, _, architecture, _ = shape
    yield "output_norm.weight", width
    for layer in range(layers):
        yield f"blk.{layer}.attn_norm.weight", width
        yield f"blk.{layer}.ffn_norm.weight", width
        if architecture == "qwen2":
            for letter, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
                yield f"blk.{layer}.attn_{letter}.bias", count * head_width


def byte_vocabulary(writer, size):
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = iter(range(256, 512))
    pieces = ["<s>", "</s>"] + [chr(b) if b in kept else chr(next(extra)) for b in range(256)] + ["ab"]
    pieces += [f"<unused{i}>" for i in range(size - len(pieces))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces)
    writer.add_token_types([3, 3] + [1] * 257 + [5] * (size - 259))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def main():
    name, kind, out = sys.argv[1:4]
    shape = SHAPES[name]
    layers, width, heads, kv_heads, head_width, feed_forward, vocabulary, architecture, base = shape
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(out, architecture, use_temp_file=True)
    writer.add_name(f"{name}-random-{kind}")
    writer.add_context_length(131072)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head_width)
    writer.add_rope_freq_base(base)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    # OpenVINO GenAI refuses files that do not say what they mostly are.
    writer.add_file_type(gguf.LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    byte_vocabulary(writer, vocabulary)
    for vector, count in vectors(shape):
        value = np.ones(count) if "norm" in vector else rng.standard_normal(count) * 0.02
        writer.add_tensor(vector, value.astype(np.float32))
    for tensor, layer, rows, columns in tensors(shape):
        chosen = tensor_type(kind, tensor, layer, layers, columns)
        full = f"blk.{layer}.{tensor}.weight" if layer is not None else f"{tensor}.weight"
        data = blocks(rng, rows, columns, chosen)
        writer.add_tensor(full, data, raw_dtype=gguf.GGMLQuantizationType[chosen])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
