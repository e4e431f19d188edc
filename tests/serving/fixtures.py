"""Rows and the original library's answers for them, which stand beside the models under src/serving/testdata."""
import json

import numpy


def fixture(models, name):
    """The rows that the fixture has, and the library's answers, both as float32."""
    expected = json.loads((models / f"{name}.expected").read_text())
    rows = numpy.array(expected["rows"], dtype=numpy.uint32).view(numpy.float32).reshape(expected["count"], -1)
    values = numpy.array(expected["value"], dtype=numpy.uint32).view(numpy.float32).reshape(expected["count"], -1)
    return rows, values


def bits(array):
    """The bits of its float32s: equal also where they are NaN."""
    return numpy.ascontiguousarray(array, numpy.float32).view(numpy.uint32).ravel().tolist()
