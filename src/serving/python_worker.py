"""One worker of a model that needs Python: keelson serve starts it with this text, and with the path of a socket and of an MLflow model
directory. Tensors lie in memory that both share; the socket carries what is where."""
import json
import mmap
import os
import socket
import struct
import sys

import numpy as np

DTYPES = {"BOOL": "?", "UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1", "INT16": "i2", "INT32": "i4",
          "INT64": "i8", "FP16": "f2", "FP32": "f4", "FP64": "f8"}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
COLUMNS = {"double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL", "string": "BYTES", "datetime": "BYTES",
           "binary": "BYTES"}


class Memory:
    """What both sides see. It only grows."""

    def __init__(self, fd):
        self.fd = fd
        self.map = None

    def view(self, size=0):
        have = os.fstat(self.fd).st_size
        if have < size:
            os.ftruncate(self.fd, size)
            have = size
        if self.map is None or len(self.map) < have:
            self.map = mmap.mmap(self.fd, have)
        return self.map


def from_texts(contents):
    texts = []
    at = 0
    while at < len(contents):
        (length,) = struct.unpack_from("<I", contents, at)
        texts.append(contents[at + 4:at + 4 + length].decode("utf-8", "replace"))
        at += 4 + length
    return np.array(texts, dtype=object)


def to_contents(array):
    """Datatype and bytes of an array."""
    if array.dtype.kind == "M":
        array = np.datetime_as_string(array)
    if array.dtype.kind in "OUS":
        flat = array.ravel().tolist()
        if all(not isinstance(value, (str, bytes)) and value is not None for value in flat):
            return to_contents(np.array(flat).reshape(array.shape))
        texts = [value if isinstance(value, bytes) else b"" if value is None else str(value).encode() for value in flat]
        return "BYTES", b"".join(struct.pack("<I", len(text)) + text for text in texts)
    if array.dtype not in NAMES:
        raise TypeError(f"the model answered with elements of type {array.dtype}")
    return NAMES[array.dtype], np.ascontiguousarray(array).tobytes()


def described(spec, place, unnamed):
    """An input or output of a signature as the protocol tells it."""
    name = spec.get("name") or (unnamed if place == 0 else f"{unnamed}-{place}")
    if spec.get("type") == "tensor":
        tensor = spec["tensor-spec"]
        datatype = "BYTES" if tensor["dtype"] in ("str", "object", "bytes") else NAMES[np.dtype(tensor["dtype"])]
        return {"name": name, "datatype": datatype, "shape": tensor["shape"], "optional": False}
    return {"name": name, "datatype": COLUMNS.get(spec.get("type"), "FP64"), "shape": [-1], "optional": not spec.get("required", True)}


class Model:
    def __init__(self, path):
        import yaml
        with open(os.path.join(path, "MLmodel")) as file:
            said = yaml.safe_load(file)
        signature = said.get("signature") or {}
        inputs = json.loads(signature.get("inputs") or "[]")
        outputs = json.loads(signature.get("outputs") or "[]")
        self.table = bool(inputs) and inputs[0].get("type") != "tensor"
        self.kinds = {spec.get("name"): spec.get("type") for spec in inputs}
        self.named = not self.table or bool(inputs[0].get("name"))
        self.inputs = [described(spec, place, "input-0") for place, spec in enumerate(inputs)]
        if not inputs:
            self.inputs = [{"name": "input-0", "datatype": "FP64", "shape": [-1, -1], "optional": False}]
        self.outputs = [described(spec, place, "predict") for place, spec in enumerate(outputs)]
        if not outputs:
            self.outputs = [{"name": "predict", "datatype": "FP64", "shape": [-1], "optional": False}]
        self.scoring = None
        try:
            import mlflow.pyfunc
        except ImportError:
            self.model = self.without_mlflow(path, said["flavors"])
        else:
            self.model = mlflow.pyfunc.load_model(path)
            import mlflow.pyfunc.scoring_server
            self.scoring = mlflow.pyfunc.scoring_server

    @staticmethod
    def without_mlflow(path, flavors):
        """A scikit-learn estimator in an environment that has no mlflow."""
        if "sklearn" not in flavors:
            raise ImportError("the model's environment has no mlflow")
        flavor = flavors["sklearn"]
        file = os.path.join(path, flavor["pickled_model"])
        if flavor.get("serialization_format") == "skops":
            import skops.io
            return skops.io.load(file, trusted=flavor.get("skops_trusted_types"))
        import pickle
        with open(file, "rb") as stream:
            return pickle.load(stream)

    def predict(self, tensors):
        if self.table and self.named:
            import pandas
            columns = {}
            for name, array in tensors.items():
                values = array.reshape(len(array)) if array.ndim == 2 and array.shape[1] == 1 else array
                columns[name] = pandas.to_datetime(values) if self.kinds.get(name) == "datetime" else values
            asked = pandas.DataFrame(columns)
        elif self.table:
            import pandas
            asked = pandas.DataFrame({place: array for place, array in enumerate(tensors.values())})
        else:
            asked = next(iter(tensors.values())) if len(tensors) == 1 else tensors
        return self.answered(self.model.predict(asked))

    def score(self, body, content_type):
        """Status, content type and body of what MLflow's own scoring server answers, without its stack traces."""
        from mlflow.exceptions import MlflowException
        try:
            answer = self.scoring.invocations(body, content_type, self.model, self.model.metadata.get_input_schema())
        except MlflowException as error:
            said = {key: value for key, value in json.loads(error.serialize_as_json()).items() if key != "stack_trace"}
            return error.get_http_status_code(), "application/json", json.dumps(said).encode()
        return answer.status, answer.mimetype, answer.response.encode()

    def answered(self, answer):
        if hasattr(answer, "toarray"):
            answer = answer.toarray()
        if hasattr(answer, "columns"):
            return {str(name): answer[name].to_numpy() for name in answer.columns}
        if isinstance(answer, dict):
            return {str(name): np.asarray(value) for name, value in answer.items()}
        return {self.outputs[0]["name"]: np.asarray(answer)}


def receive(connection):
    head = exactly(connection, 4)
    return None if head is None else json.loads(exactly(connection, struct.unpack("<I", head)[0]))


def exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return None
        data += part
    return data


def send(connection, message):
    data = json.dumps(message).encode()
    connection.sendall(struct.pack("<I", len(data)) + data)


def score(model, memory, request):
    status, content_type, body = model.score(bytes(memory.view()[:request["score"]]), request["content_type"])
    memory.view(len(body))[:len(body)] = body
    return {"status": status, "content_type": content_type, "size": len(body)}


def answer(model, memory, request):
    view = memory.view()
    tensors = {}
    for spec in request["inputs"]:
        contents = view[spec["offset"]:spec["offset"] + spec["size"]]
        array = from_texts(contents) if spec["datatype"] == "BYTES" else np.frombuffer(contents, dtype=DTYPES[spec["datatype"]])
        tensors[spec["name"]] = array.reshape(spec["shape"])
    outputs = []
    parts = []
    offset = 0
    for name, array in model.predict(tensors).items():
        datatype, contents = to_contents(array)
        outputs.append({"name": name, "datatype": datatype, "shape": array.shape, "offset": offset, "size": len(contents)})
        parts.append(contents)
        offset += len(contents)
    view = memory.view(offset)
    for spec, contents in zip(outputs, parts):
        view[spec["offset"]:spec["offset"] + spec["size"]] = contents
    return {"outputs": outputs}


def main():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    _, fds, _, _ = socket.recv_fds(connection, 1, 1)
    memory = Memory(fds[0])
    try:
        model = Model(sys.argv[2])
    except BaseException as error:
        send(connection, {"error": f"{type(error).__name__}: {error}"})
        return
    send(connection, {"inputs": model.inputs, "outputs": model.outputs, "scores": model.scoring is not None})
    while (request := receive(connection)) is not None:
        try:
            reply = score(model, memory, request) if "score" in request else answer(model, memory, request)
        except Exception as error:  # the model's own: the worker lives on
            theirs = type(error).__name__ in ("MlflowException", "ValueError", "TypeError", "KeyError", "IndexError")
            reply = {"error": f"{type(error).__name__}: {error}", "invalid": theirs}
        send(connection, reply)


main()
