"""Writes random low-rank adapters of all linear layers of a GGUF model, as GGUF, half precision.

    random_adapters.py MODEL.gguf FOLDER COUNT RANK
"""

import pathlib
import re
import sys

import gguf
import numpy as np

LINEAR = re.compile(r"blk\.\d+\.(attn_(q|k|v|output)|ffn_(gate|up|down))\.weight")


def write(path, architecture, matrices, rank, seed):
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for name, outputs, inputs in matrices:
        a = random.standard_normal((rank, inputs)) / np.sqrt(inputs)
        b = random.standard_normal((outputs, rank)) * 0.02
        writer.add_tensor(name + ".lora_a", a.astype(np.float16))
        writer.add_tensor(name + ".lora_b", b.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    model, folder, count, rank = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(model)
    architecture = reader.fields["general.architecture"].contents()
    tensors = [tensor for tensor in reader.tensors if LINEAR.fullmatch(tensor.name)]
    # The reader gives inputs first.
    matrices = [(tensor.name, int(tensor.shape[1]), int(tensor.shape[0])) for tensor in tensors]
    for seed in range(count):
        write(folder / f"a{seed}.gguf", architecture, matrices, rank, seed)


if __name__ == "__main__":
    main()
