"""The figures of `grpc` beside MLServer's and KServe's servers with the same model, requests and load."""
from figures import grpc
from figures.serving_peers import kserve, mlserver

ONLY_BY_NAME = True  # it installs the peers


def measure(context):
    return grpc.measure(context, () if context.smoke else (kserve, mlserver))  # the smoke run installs nothing
