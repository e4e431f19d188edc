"""Asks keelson_model_answers for the answers of a model that takes and gives named tensors."""
import json
import os
import struct
import subprocess

import numpy as np

PROGRAM = os.environ["KEELSON_MODEL_ANSWERS"]
DTYPES = {"BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
          "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "FP16": np.float16,
          "FP32": np.float32, "FP64": np.float64}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class Refused(Exception):
    pass


def pack(array):
    if array.dtype.kind in "OUST":
        texts = [str(text).encode() for text in array.ravel()]
        return "BYTES", b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return NAMES[array.dtype], np.ascontiguousarray(array).tobytes()


def unpack(name, shape, contents):
    if name != "BYTES":
        return np.frombuffer(contents, dtype=DTYPES[name]).reshape(shape)
    texts = []
    while contents:
        (length,) = struct.unpack_from("<I", contents)
        texts.append(contents[4:4 + length].decode())
        contents = contents[4 + length:]
    return np.array(texts, dtype=object).reshape(shape)


def ask(path, inputs, program=PROGRAM, **options):
    """The outputs by name, in the model's order; Refused with what the program says."""
    described, contents = [], b""
    for name, array in inputs.items():
        datatype, packed = pack(np.asarray(array))
        described.append(f"{name}:{datatype}:{','.join(map(str, np.shape(array)))}")
        contents += struct.pack("<Q", len(packed)) + packed
    ran = subprocess.run([program, str(path), "tensors", *described], input=contents, capture_output=True, check=False,
                         **options)
    if ran.returncode != 0:
        raise Refused(ran.stderr.decode())
    outputs, rest = {}, ran.stdout
    while rest:
        line, rest = rest.split(b"\n", 1)
        name, datatype, shape, size = line.decode().split("\t")
        outputs[name] = unpack(datatype, json.loads(shape), rest[:int(size)])
        rest = rest[int(size):]
    return outputs
