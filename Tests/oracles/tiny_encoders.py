"""Writes tiny random BERT encoders in both formats, with the vectors that numpy finds for some texts of token ids.

    tiny_encoders.py FOLDER

For each checkpoint `bert-….gguf` or `bert-folder/` there are `….tokens.json` and `….vectors`; see reference_encoder.py. The
`bert-cross…` are cross-encoders; bert-labels.gguf and bert-headless.gguf have heads that cannot be run. `nomic-…` and
`modern-…` are of the families that came after; see tiny_rotary_encoders.py.
Of decoders that tiny_models.py has written, the states of the last tokens are kept as `….states`. Everything is seeded.
The vocabulary has every printable ASCII character as a word and as the inside of one.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import gguf
import numpy as np

import tiny_rotary_encoders as rotary
from reference_decoder import ReferenceDecoder
from tiny_models import random_gain, random_matrix, vector

WIDTH, LAYERS, HEADS, FEED_FORWARD, POSITIONS = 96, 2, 3, 160, 256
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
VOCABULARY = len(SPECIAL) + 2 * len(CHARACTERS)
TEXTS = [[2, *((7 * i * i + 3 * i + count) % VOCABULARY for i in range(count)), 3] for count in (0, 1, 5, 14, 33, 100, 200)]

PAIRS = [{"tokens": [*text, *other[1:]], "second": len(text)} for text, other in zip(TEXTS[1:], [*TEXTS[3:5], *TEXTS[1:5]])]


def shapes():
    """(kind, GGUF name, folder name, rows, columns) of every tensor."""
    yield "matrix", "token_embd.weight", "embeddings.word_embeddings.weight", VOCABULARY, WIDTH
    yield "matrix", "position_embd.weight", "embeddings.position_embeddings.weight", POSITIONS, WIDTH
    yield "matrix", "token_types.weight", "embeddings.token_type_embeddings.weight", 2, WIDTH
    yield from norm("token_embd_norm", "embeddings.LayerNorm")
    for layer in range(LAYERS):
        a, b = f"blk.{layer}.", f"encoder.layer.{layer}."
        for letter, word in (("q", "query"), ("k", "key"), ("v", "value")):
            yield from product(f"{a}attn_{letter}", f"{b}attention.self.{word}", WIDTH, WIDTH)
        yield from product(a + "attn_output", b + "attention.output.dense", WIDTH, WIDTH)
        yield from norm(a + "attn_output_norm", b + "attention.output.LayerNorm")
        yield from product(a + "ffn_up", b + "intermediate.dense", FEED_FORWARD, WIDTH)
        yield from product(a + "ffn_down", b + "output.dense", WIDTH, FEED_FORWARD)
        yield from norm(a + "layer_output_norm", b + "output.LayerNorm")


def head(labels):
    """The pooler and classifier of a cross-encoder with these labels; folders have no prefix before the latter."""
    yield from product("cls", "pooler.dense", WIDTH, WIDTH)
    yield from product("cls.output", "classifier", labels, WIDTH)


def norm(name, folder_name):
    yield "gain", name + ".weight", folder_name + ".weight", WIDTH, 0
    yield "bias", name + ".bias", folder_name + ".bias", WIDTH, 0


def product(name, folder_name, rows, columns):
    yield "matrix", name + ".weight", folder_name + ".weight", rows, columns
    yield "bias", name + ".bias", folder_name + ".bias", rows, 0


def values_of(kind, name, rows, columns):
    # Large enough for attention to prefer some tokens.
    return vector(kind, name, rows) if kind != "matrix" else random_matrix(name, rows, columns) * 3


def add_word_pieces(writer):
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list(SPECIAL + ["▁" + c for c in CHARACTERS] + CHARACTERS)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (2 * len(CHARACTERS)))
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_pad_token_id(0)


def byte_pieces():
    """Special tokens, single bytes spelled as GPT-2 does (printable characters as they are, the others from U+0100 on), one pair."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(printable)
    return [*SPECIAL, *(chr(byte) for byte in printable), *(chr(256 + index) for index in range(others)), "th"]


def add_bytes(writer):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("modern-bert")
    writer.add_token_list(byte_pieces())
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(byte_pieces()) - len(SPECIAL)))
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def byte_tokenizer():
    """The same vocabulary as a tokenizer.json, laid out as ModernBERT's."""
    around = [{"SpecialToken": {"id": name, "type_id": 0}} for name in ("[CLS]", "[SEP]")]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": index, "content": name, **flags} for index, name in enumerate(SPECIAL)],
        "normalizer": {"type": "NFC"}, "pre_tokenizer": level, "decoder": level,
        "post_processor": {
            "type": "TemplateProcessing", "single": [around[0], first, around[1]],
            "pair": [around[0], first, around[1], second, around[1]],
            "special_tokens": {
                name: {"id": name, "ids": [SPECIAL.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")
            },
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "merges": [["t", "h"]],
            "vocab": {piece: index for index, piece in enumerate(byte_pieces())},
        },
    }  # fmt: skip


def write_modern_folder(path):
    rotary.write_folder(path, rotary.MODERN, len(byte_pieces()), prefix="model.")
    (path / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))


def rotary_checkpoints(mean, first):
    """What writes each checkpoint of the families that came after BERT."""
    nomic, modern, count = rotary.NOMIC, rotary.MODERN, len(byte_pieces())
    return {
        "nomic-f32.gguf": lambda path: rotary.write_gguf(path, nomic, "F32", mean, add_word_pieces, VOCABULARY),
        "nomic-q8_0.gguf": lambda path: rotary.write_gguf(path, nomic, "Q8_0", mean, add_word_pieces, VOCABULARY),
        "nomic-folder": lambda path: rotary.write_folder(path, nomic, VOCABULARY),
        "modern-f32.gguf": lambda path: rotary.write_gguf(path, modern, "F32", first, add_bytes, count),
        "modern-q8_0.gguf": lambda path: rotary.write_gguf(path, modern, "Q8_0", mean, add_bytes, count),
        "modern-folder": write_modern_folder,
    }


def write_gguf(path, kind, pooling, extra=()):
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    add_word_pieces(writer)
    for role, name, _, rows, columns in [*shapes(), *extra]:
        values = values_of(role, name, rows, columns)
        # As llama.cpp's converter does: vectors, positions and types stay as they are.
        is_plain = role != "matrix" or kind == "F32" or name.startswith(("position_embd", "token_types"))
        if is_plain:
            writer.add_tensor(name, values)
        else:
            stored = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(name, gguf.quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_folder(path, is_cross=False):
    shutil.rmtree(path, ignore_errors=True)
    (path / "1_Pooling").mkdir(parents=True)
    header, data = {}, bytearray()
    for role, name, folder_name, rows, columns in [*shapes(), *(head(1) if is_cross else ())]:
        if is_cross and not folder_name.startswith("classifier"):
            folder_name = "bert." + folder_name
        raw = values_of(role, name, rows, columns).astype("<f4").tobytes()
        shape = [rows, columns] if role == "matrix" else [rows]
        header[folder_name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(data))
    config = {
        "model_type": "bert", "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": FEED_FORWARD, "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS,
        "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2,
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    if is_cross:
        return
    pooling = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    texts = folder / "encoder-texts.json"
    texts.write_text(json.dumps(TEXTS))
    oracle = pathlib.Path(__file__).with_name("reference_encoder.py")
    pairs = folder / "encoder-pairs.json"
    pairs.write_text(json.dumps(PAIRS))
    mean, first, rank = gguf.PoolingType.MEAN, gguf.PoolingType.CLS, gguf.PoolingType.RANK
    checkpoints = {
        "bert-f32.gguf": lambda path: write_gguf(path, "F32", mean),
        "bert-first.gguf": lambda path: write_gguf(path, "F32", first),
        "bert-f16.gguf": lambda path: write_gguf(path, "F16", mean),
        "bert-q8_0.gguf": lambda path: write_gguf(path, "Q8_0", mean),
        "bert-folder": write_folder,
        "bert-cross.gguf": lambda path: write_gguf(path, "F32", rank, [*head(1)]),
        "bert-cross-folder": lambda path: write_folder(path, is_cross=True),
        **rotary_checkpoints(mean, first),
    }
    for name, write in checkpoints.items():
        out = folder / name.removesuffix(".gguf")
        if out.with_suffix(".vectors").exists():
            continue
        write(folder / name)
        read = pairs if "cross" in name else texts
        subprocess.run([sys.executable, oracle, folder / name, read, out], check=True)
    write_gguf(folder / "bert-labels.gguf", "F32", rank, [*head(3)])
    write_gguf(folder / "bert-headless.gguf", "F32", rank, [*product("cls.output", "", 1, WIDTH)])
    for name in ("llama-f32", "qwen3-f32", "gemma3-f32"):
        done = folder / (name + ".states")
        if not done.exists():
            decoder = ReferenceDecoder(folder / (name + ".gguf"))
            states = np.stack([decoder.states(tokens)[-1] for tokens in TEXTS])
            (states / np.linalg.norm(states, axis=-1, keepdims=True)).astype("<f4").tofile(done)
            print(f"wrote {name}.states")


if __name__ == "__main__":
    main()
