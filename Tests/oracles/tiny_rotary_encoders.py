"""Writes tiny random encoders of the families `nomic-bert` and `modern-bert` in both formats; used by tiny_encoders.py."""

import json
import shutil

import gguf

from tiny_models import random_matrix, vector

WIDTH, HEADS, FEED_FORWARD, POSITIONS = 96, 3, 160, 256
# Of the second, layers 0 and 3 see all of a text, 1 and 2 eight tokens to either side.
NOMIC, MODERN = "nomic-bert", "modern-bert"
LAYERS = {NOMIC: 2, MODERN: 4}
WINDOW, PERIOD = 16, 3
BASE = {NOMIC: 1000.0, MODERN: 160000.0}


def shapes(family, vocabulary):
    """(kind, GGUF name, folder name, rows, columns) of every tensor."""
    is_modern = family == MODERN
    words = "embeddings.tok_embeddings" if is_modern else "embeddings.word_embeddings"
    yield "matrix", "token_embd.weight", words + ".weight", vocabulary, WIDTH
    if not is_modern:
        yield "matrix", "token_types.weight", "embeddings.token_type_embeddings.weight", 2, WIDTH
    yield from norm("token_embd_norm", "embeddings.norm" if is_modern else "emb_ln", not is_modern)
    for layer in range(LAYERS[family]):
        yield from modern_layer(layer) if is_modern else nomic_layer(layer)
    if is_modern:
        yield from norm("output_norm", "final_norm", False)


def nomic_layer(layer):
    a, b = f"blk.{layer}.", f"encoder.layers.{layer}."
    yield "matrix", a + "attn_qkv.weight", b + "attn.Wqkv.weight", 3 * WIDTH, WIDTH
    yield "matrix", a + "attn_output.weight", b + "attn.out_proj.weight", WIDTH, WIDTH
    yield from norm(a + "attn_output_norm", b + "norm1", True)
    yield "matrix", a + "ffn_up.weight", b + "mlp.fc11.weight", FEED_FORWARD, WIDTH
    yield "matrix", a + "ffn_gate.weight", b + "mlp.fc12.weight", FEED_FORWARD, WIDTH
    yield "matrix", a + "ffn_down.weight", b + "mlp.fc2.weight", WIDTH, FEED_FORWARD
    yield from norm(a + "layer_output_norm", b + "norm2", True)


def modern_layer(layer):
    a, b = f"blk.{layer}.", f"layers.{layer}."
    if layer > 0:
        yield from norm(a + "attn_norm", b + "attn_norm", False)
    yield "matrix", a + "attn_qkv.weight", b + "attn.Wqkv.weight", 3 * WIDTH, WIDTH
    yield "matrix", a + "attn_output.weight", b + "attn.Wo.weight", WIDTH, WIDTH
    yield from norm(a + "ffn_norm", b + "mlp_norm", False)
    yield "matrix", a + "ffn_up.weight", b + "mlp.Wi.weight", 2 * FEED_FORWARD, WIDTH
    yield "matrix", a + "ffn_down.weight", b + "mlp.Wo.weight", WIDTH, FEED_FORWARD


def norm(name, folder_name, has_bias):
    yield "gain", name + ".weight", folder_name + ".weight", WIDTH, 0
    if has_bias:
        yield "bias", name + ".bias", folder_name + ".bias", WIDTH, 0


def values_of(kind, name, rows, columns):
    # Large enough for attention to prefer some tokens.
    return vector(kind, name, rows) if kind != "matrix" else random_matrix(name, rows, columns) * 3


def write_gguf(path, family, kind, pooling, tokenizer, vocabulary):
    """`tokenizer` puts a vocabulary of `vocabulary` tokens into the writer."""
    writer = gguf.GGUFWriter(str(path), family)
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS[family])
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_freq_base(BASE[family])
    if family == MODERN:
        writer.add_sliding_window(WINDOW)
        writer.add_sliding_window_pattern(PERIOD)
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    tokenizer(writer)
    for role, name, _, rows, columns in shapes(family, vocabulary):
        values = values_of(role, name, rows, columns)
        if role != "matrix" or kind == "F32" or name.startswith("token_types"):
            writer.add_tensor(name, values)
        else:
            stored = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(name, gguf.quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_folder(path, family, vocabulary, prefix=""):
    """With a `prefix`, as models are published that also predict words."""
    shutil.rmtree(path, ignore_errors=True)
    (path / "1_Pooling").mkdir(parents=True)
    header, data = {}, bytearray()
    head = [("gain", "", "head.norm.weight", WIDTH, 0)] if prefix else []
    for role, name, folder_name, rows, columns in [*shapes(family, vocabulary), *head]:
        raw = values_of(role, name, rows, columns).astype("<f4").tobytes()
        shape = [rows, columns] if role == "matrix" else [rows]
        full = folder_name if folder_name.startswith("head.") else prefix + folder_name
        header[full] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    (path / "config.json").write_text(json.dumps(modern_config(vocabulary) if family == MODERN else nomic_config(vocabulary)))
    pooling = {"pooling_mode_cls_token": family == MODERN, "pooling_mode_mean_tokens": family == NOMIC}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def nomic_config(vocabulary):
    return {
        "model_type": "nomic_bert", "activation_function": "swiglu", "causal": False, "n_embd": WIDTH, "n_head": HEADS,
        "n_inner": FEED_FORWARD, "n_layer": LAYERS[NOMIC], "n_positions": 8192, "max_trained_positions": POSITIONS,
        "layer_norm_epsilon": 1e-5, "prenorm": False, "rotary_emb_base": BASE[NOMIC], "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_scaling_factor": 2, "qkv_proj_bias": False,
        "type_vocab_size": 2, "vocab_size": vocabulary, "pad_vocab_size_multiple": 1, "scale_attn_weights": True,
    }  # fmt: skip


def modern_config(vocabulary):
    return {
        "model_type": "modernbert", "hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS[MODERN], "max_position_embeddings": POSITIONS, "norm_eps": 1e-5, "norm_bias": False,
        "local_attention": WINDOW, "global_attn_every_n_layers": PERIOD, "global_rope_theta": BASE[MODERN],
        "local_rope_theta": 10000.0, "hidden_activation": "gelu", "vocab_size": vocabulary,
    }  # fmt: skip
