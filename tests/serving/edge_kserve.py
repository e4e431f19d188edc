"""kserve's InferenceGRPCClient against a server's endpoint, in a process of its own: one cannot hold the definitions of both clients.

Usage: edge_kserve.py ADDRESS ENDPOINT ROW ID   prints what the endpoint answered as JSON.
"""
import asyncio
import json
import sys

from kserve import InferenceGRPCClient, InferInput, InferRequest


async def main(address, endpoint, row, request_id):
    inputs = [InferInput("depot", [1], "BYTES", data=[row["depot"].encode()])]
    inputs += [InferInput(name, [1], "FP64", data=[row[name]]) for name in ("weight", "distance")]
    async with InferenceGRPCClient(address) as client:
        ready = [await client.is_server_live(), await client.is_server_ready(), await client.is_model_ready(endpoint)]
        answer = await client.infer(InferRequest(model_name=endpoint, infer_inputs=inputs, request_id=request_id))
        print(json.dumps({"ready": ready, "id": answer.id, "version": answer.model_version,
                          "outputs": [[float(value) for value in output.as_numpy().ravel()] for output in answer.outputs]}))


asyncio.run(main(*sys.argv[1:3], json.loads(sys.argv[3]), sys.argv[4]))
