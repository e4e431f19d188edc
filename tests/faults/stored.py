"""What a data folder holds: the pushed rows and the predictions, read as the files say (io/files.h, control/row_codec.h,
serving/payload_codec.h) and not as the server says."""
import datetime
import json
import struct


def frames(path):
    """The whole frames of a frame log."""
    data = path.read_bytes()
    at = 0
    while at + 8 <= len(data):
        length, = struct.unpack_from("<I", data, at)
        if length == 0 or at + 8 + length > len(data):
            return
        yield data[at + 8:at + 8 + length]
        at += 8 + length


def micros(text):
    """An instant as the API writes it, in microseconds."""
    instant = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    since = instant.replace(tzinfo=instant.tzinfo or datetime.timezone.utc) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class Taker:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def many(self, form, count):
        values = struct.unpack_from(f"<{count}{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{count}{form}")
        return values

    def text(self):
        length = self.take("I")
        self.at += length
        return self.data[self.at - length:self.at].decode()


class Rows:
    """The accepted rows of one source: (clock, row) in their order, a row as its cells by column name."""

    TYPES = ("bool", "int64", "double", "string", "timestamp")  # data::ColumnType
    FORMS = {"bool": "B", "int64": "q", "double": "d", "timestamp": "q"}

    def __init__(self, path):
        self.rows = []
        self.types = {}
        for frame in frames(path):
            taker = Taker(frame)
            kind = taker.take("c")
            if kind == b"C":
                types = [(self.TYPES[taker.take("B")], taker.text()) for _ in range(taker.take("I"))]
                self.types = {name: type_ for type_, name in types}
                continue
            assert kind == b"B", kind
            _, clock, count = taker.take("Q"), taker.take("q"), taker.take("I")
            self.rows += [(clock, tuple(self.cell(taker, type_) for type_ in self.types.values())) for _ in range(count)]

    def cell(self, taker, type_):
        if not taker.take("B"):
            return None
        return taker.text() if type_ == "string" else taker.take(self.FORMS[type_])

    def as_stored(self, row):
        """A row of a push as it must stand in the log."""
        cells = []
        for name, kind in self.types.items():
            cell = row.get(name)
            cells.append(micros(cell) if kind == "timestamp" and cell is not None else cell)
        return tuple(cells)


def record(head, frame):
    """One prediction of one row: (id, version, time, inputs, outputs); a missing input is None."""
    taker = Taker(frame)
    assert taker.take("B") == 1
    time, _, rows = taker.take("q"), taker.take("q"), taker.take("I")
    assert rows == 1
    name, version = taker.text(), taker.text()
    inputs = {}
    for column in head["inputs"]:
        flags = taker.take("B")
        valid = taker.take("B") if flags & 1 else 1
        value = taker.text() if column["type"] == "string" else taker.take("f" if flags & 2 else "d")
        inputs[column["name"]] = value if valid and value == value else None
    outputs = tuple(taker.take("f") for _ in head["outputs"])
    return name, version, time, inputs, outputs


def predictions(project_folder):
    """Every record of every replica's payload log, by request id; a request that was retried can have several."""
    found = {}
    for segment in sorted(project_folder.glob("payload/*/*/*.seg")):
        head = None
        for frame in frames(segment):
            if head is None:
                head = json.loads(frame)
                continue
            name, *rest = record(head, frame)
            found.setdefault(name, []).append(tuple(rest))
    return found


def table(path):
    """A table file (data/table_io.h): its columns by name, each a list with None where nothing is."""
    taker = Taker(path.read_bytes()[:-32])
    assert taker.data.startswith(b"keelsontable")
    taker.at = len(b"keelsontable")
    assert taker.take("I") == 1
    count, rows = taker.take("I"), taker.take("Q")
    columns = {}
    for _ in range(count):
        type_, name = Rows.TYPES[taker.take("B")], taker.text()
        valid = taker.many("B", rows)
        if type_ == "string":
            values = []
            for length in taker.many("I", rows):
                values.append(taker.data[taker.at:taker.at + length].decode())
                taker.at += length
        else:
            values = taker.many("d" if type_ == "double" else "q", rows)
        columns[name] = [value if there else None for value, there in zip(values, valid)]
    assert taker.at == len(taker.data)
    return columns
