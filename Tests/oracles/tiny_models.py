"""Writes tiny random checkpoints of every architecture and tensor type, with the logits that numpy finds for them.

    tiny_models.py FOLDER

For each checkpoint `name.gguf` or `name/` there is `name.logits`, float32 `[tokens, vocabulary]` for TOKENS. Everything
is seeded: two runs write the same bytes. A run that was interrupted leaves no `name.logits`, and is done again.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy as np

from reference_decoder import ReferenceDecoder

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_WIDTH, FEED_FORWARD, VOCABULARY = 256, 2, 4, 2, 64, 512, 320
TOKENS = [(7 * i * i + 3 * i + 1) % VOCABULARY for i in range(48)]

LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip

# Byte offset of the half-precision scales in a block of each K type, with values that keep weights near ±0.1.
K_SCALES = {
    "Q2_K": {80: 0.008, 82: 0.012},
    "Q3_K": {108: 0.0012},
    "Q4_K": {0: 0.00035, 2: 0.0026},
    "Q5_K": {0: 0.00018, 2: 0.0028},
    "Q6_K": {208: 0.00008},
    "IQ4_NL": {0: 0.0008},
}


def random_for(name):
    return np.random.default_rng([sum(name.encode()), len(name), *name.encode()])


def random_matrix(name, rows, columns):
    return (random_for(name).standard_normal((rows, columns)) * 0.08).astype(np.float32)


def random_gain(name, count):
    return (1 + 0.1 * random_for(name).standard_normal(count)).astype(np.float32)


def quantized(name, rows, columns, kind):
    """The tensor as `kind` stores it: through the reference quantiser where it has one, else random blocks."""
    kind_type = gguf.GGMLQuantizationType[kind]
    if kind not in K_SCALES and kind != "MXFP4":
        return gguf.quants.quantize(random_matrix(name, rows, columns), kind_type)
    block, size = gguf.GGML_QUANT_SIZES[kind_type]
    blocks = random_for(name).integers(0, 256, (rows * columns // block, size), dtype=np.uint8)
    for offset, scale in K_SCALES.get(kind, {}).items():
        blocks[:, offset : offset + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)
    if kind == "MXFP4":
        blocks[:, 0] = 119 + blocks[:, 0] % 4
    return blocks.reshape(rows, columns // block * size)


def shapes(architecture):
    """(kind, GGUF name, folder name, rows, columns) of every tensor."""
    gemma = architecture == "gemma3"
    yield "matrix", "token_embd.weight", "model.embed_tokens.weight", VOCABULARY, WIDTH
    yield "gain", "output_norm.weight", "model.norm.weight", WIDTH, 0
    if not gemma:
        yield "matrix", "output.weight", "lm_head.weight", VOCABULARY, WIDTH
    heads = {"q": HEADS * HEAD_WIDTH, "k": KV_HEADS * HEAD_WIDTH, "v": KV_HEADS * HEAD_WIDTH}
    for layer in range(LAYERS if not gemma else 7):
        a, b = f"blk.{layer}.", f"model.layers.{layer}."
        yield "gain", a + "attn_norm.weight", b + "input_layernorm.weight", WIDTH, 0
        for letter, rows in heads.items():
            yield "matrix", f"{a}attn_{letter}.weight", f"{b}self_attn.{letter}_proj.weight", rows, WIDTH
            if architecture == "qwen2":
                yield "bias", f"{a}attn_{letter}.bias", f"{b}self_attn.{letter}_proj.bias", rows, 0
        if architecture in ("qwen3", "gemma3"):
            yield "gain", a + "attn_q_norm.weight", b + "self_attn.q_norm.weight", HEAD_WIDTH, 0
            yield "gain", a + "attn_k_norm.weight", b + "self_attn.k_norm.weight", HEAD_WIDTH, 0
        yield "matrix", a + "attn_output.weight", b + "self_attn.o_proj.weight", WIDTH, HEADS * HEAD_WIDTH
        if gemma:
            yield "gain", a + "post_attention_norm.weight", b + "post_attention_layernorm.weight", WIDTH, 0
            yield "gain", a + "post_ffw_norm.weight", b + "post_feedforward_layernorm.weight", WIDTH, 0
        norm = "pre_feedforward" if gemma else "post_attention"
        yield "gain", a + "ffn_norm.weight", f"{b}{norm}_layernorm.weight", WIDTH, 0
        for letter in ("gate", "up"):
            yield "matrix", f"{a}ffn_{letter}.weight", f"{b}mlp.{letter}_proj.weight", FEED_FORWARD, WIDTH
        yield "matrix", a + "ffn_down.weight", b + "mlp.down_proj.weight", WIDTH, FEED_FORWARD


def vector(kind, name, count):
    return random_gain(name, count) if kind == "gain" else random_for(name).standard_normal(count).astype(np.float32) * 0.1


def write_gguf(path, architecture, kind, scaled=False):
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name(path.stem)
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS if architecture != "gemma3" else 7)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_WIDTH)
    writer.add_value_length(HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    if architecture == "gemma3":
        writer.add_sliding_window(8)
    add_vocabulary(writer)
    for role, name, _, rows, columns in shapes(architecture):
        if role != "matrix":
            writer.add_tensor(name, vector(role, name, rows))
        else:
            writer.add_tensor(name, quantized(name, rows, columns, kind), raw_dtype=gguf.GGMLQuantizationType[kind])
    if scaled:
        writer.add_tensor("rope_freqs.weight", np.linspace(1, 8, HEAD_WIDTH // 2).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer):
    """A byte-level vocabulary: three specials, 256 bytes, and letter pairs."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["<unk>", "<s>", "</s>"] + byte_alphabet()
    pairs = [a + b for a in letters for b in letters][: VOCABULARY - len(pieces)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces + pairs)
    writer.add_token_types([2, 3, 3] + [1] * (VOCABULARY - 3))
    writer.add_token_merges([f"{pair[0]} {pair[1]}" for pair in pairs])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(extra)) for byte in range(256)]


def write_folder(path, architecture, scaled=False):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    header, data = {}, bytearray()
    for role, name, folder_name, rows, columns in shapes(architecture):
        values = vector(role, name, rows) if role != "matrix" else random_matrix(name, rows, columns)
        if role == "gain" and architecture == "gemma3":
            values = values - 1
        raw = (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        header[folder_name] = {
            "dtype": "BF16", "shape": [rows, columns] if role == "matrix" else [rows],
            "data_offsets": [len(data), len(data) + len(raw)],
        }  # fmt: skip
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    (path / "config.json").write_text(json.dumps(folder_config(architecture, scaled), indent=2))


def folder_config(architecture, scaled):
    config = {
        "model_type": "gemma3_text" if architecture == "gemma3" else architecture,
        "hidden_size": WIDTH, "num_hidden_layers": 7 if architecture == "gemma3" else LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_WIDTH,
        "intermediate_size": FEED_FORWARD, "vocab_size": VOCABULARY, "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": architecture == "gemma3",
        "hidden_act": "gelu_pytorch_tanh" if architecture == "gemma3" else "silu",
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    if architecture == "gemma3":
        config |= {
            "sliding_window": 8, "sliding_window_pattern": 6, "rope_local_base_freq": 10000.0,
            "query_pre_attn_scalar": HEAD_WIDTH, "hidden_activation": "gelu_pytorch_tanh",
        }  # fmt: skip
    if scaled:
        config["rope_scaling"] = LLAMA3
    return config


def checkpoints():
    for architecture in ("llama", "qwen2", "qwen3", "gemma3"):
        yield f"{architecture}-f32.gguf", lambda path, a=architecture: write_gguf(path, a, "F32")
        yield f"{architecture}-folder", lambda path, a=architecture: write_folder(path, a)
    yield "llama-scaled-f32.gguf", lambda path: write_gguf(path, "llama", "F32", scaled=True)
    yield "llama-scaled-folder", lambda path: write_folder(path, "llama", scaled=True)
    for kind in ("F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", *K_SCALES, "MXFP4"):
        yield f"llama-{kind.lower()}.gguf", lambda path, k=kind: write_gguf(path, "llama", k)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.json").write_text(json.dumps(TOKENS))
    for name, write in checkpoints():
        done = folder / (name.removesuffix(".gguf") + ".logits")
        if done.exists():
            continue
        write(folder / name)
        partial = done.with_suffix(".partial")
        ReferenceDecoder(folder / name).logits(TOKENS).astype("<f4").tofile(partial)
        partial.rename(done)
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
