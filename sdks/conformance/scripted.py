#!/usr/bin/env python3
"""A node that answers what a scenario wrote down: for what a real one does only when things go wrong at the right moment.

It is started as the server is, by the same class of each SDK; the configuration file is the script:

    {"answers": [ANSWER, …], "then": ANSWER, "scans": [ANSWER, …], "watches": [ANSWER, …], "healths": [ANSWER, …]}

Each put, get, delete and batch, on a stream or alone, takes the next of the answers; behind them all get "then". So does each scan, watch and
question for health with its own; behind them all get the last one again. Without any, a watch says nothing and the rest is well.
    {}                                         done: a version; found; tombstoned; no results of a batch, no pairs of a scan
    {"hold": true}                             no answer
    {"status": 9, "message": "…",              the node's own word for the operation; alone with the trailers that a node sends
     "retry_after_ms": 5, "leader_hint": ""}
    {"results": [ANSWER, …]}                   of a batch: one for each operation, done or with a status
    {"break": 14, "message": "…"}              the stream or call ends with that status, without the trailers of a node
    {"pages": [["a"], ["b", "c"]]}             of a scan, before its end: these keys behind its prefix, each page with a token unless it is the last
    {"epoch": 7}                               of a watch, before its end: a view of that epoch, with this node alone

A write without an idempotency key is refused: an SDK that repeats it could not know what the first attempt did.
It prints a line for each operation that it got, with its key without the scenario's prefix: "got put a"; for a batch how many operations it
has, and whether it came before, "got batch 3 again"; for a scan behind which key it goes on and its limit, "got scan behind a limit 5".
"""
import concurrent.futures
import json
import os
import pathlib
import sys
import threading

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from norikv._proto import norikv_pb2 as pb  # noqa: E402

RESPONSES = {"put": pb.PutResponse, "get": pb.GetResponse, "delete": pb.DeleteResponse, "batch": pb.BatchResponse}
STATUSES = {code.value[0]: code for code in grpc.StatusCode}


class Node:
    def __init__(self, script):
        self.answers, self.then = list(script.get("answers", [])), script.get("then", {})
        self.calls = {name: list(script.get(name, [])) for name in ("scans", "watches", "healths")}
        self.lock, self.index, self.over = threading.Lock(), 0, threading.Event()
        self.address = ""
        self.batches = set()  # those that came, with their idempotency keys

    def next(self, kind, request):
        with self.lock:
            say(f"got {kind} {self.batch(request) if kind == 'batch' else plain(request.key)}")
            self.index += 1
            if is_unkeyed(kind, request):
                return self.index, {"status": 3, "message": "a write without an idempotency key"}
            return self.index, self.answers.pop(0) if self.answers else self.then

    def batch(self, request):
        whole, count = request.SerializeToString(deterministic=True), len(request.operations)
        again = whole in self.batches
        self.batches.add(whole)
        return f"{count} again" if again else count

    def results(self, answer, index, request):
        response = pb.BatchResponse()
        for one, operation in zip(answer.get("results", ()), request.operations):
            kind = operation.WhichOneof("operation")
            if "status" in one:
                response.results.add(error=status(one))
            else:
                response.results.add(**{kind: self.done(kind, index)})
        return response

    def done(self, kind, index):
        version = pb.Version(term=1, index=index)
        return pb.DeleteResponse(tombstoned=True, version=version) if kind == "delete" else RESPONSES[kind](version=version)

    def stream(self, requests, context):
        context.send_initial_metadata(())
        for request in requests:
            response = pb.StreamResponse()
            for call in request.calls:
                kind = call.WhichOneof("call")
                index, answer = self.next(kind, getattr(call, kind))
                if "break" in answer:
                    context.abort(STATUSES[answer["break"]], answer.get("message", ""))
                elif "status" in answer:
                    response.results.add(id=call.id, error=status(answer))
                elif "hold" not in answer:
                    response.results.add(id=call.id, **{kind: self.answer(kind, answer, index, getattr(call, kind))})
            if response.results:
                yield response

    def alone(self, kind):
        def handle(request, context):
            index, answer = self.next(kind, request)
            self.end(answer, context)
            return self.answer(kind, answer, index, request)
        return handle

    def answer(self, kind, answer, index, request):
        return self.results(answer, index, request) if kind == "batch" else self.done(kind, index)

    def scan(self, request, context):
        with self.lock:
            behind = f" behind {request.page_token.decode()}" if request.page_token else ""
            say(f"got scan{behind}" + (f" limit {request.limit}" if request.limit else ""))
        context.send_initial_metadata(())
        answer = self.next_of("scans", {})
        pages = answer.get("pages", [])
        for i, page in enumerate(pages):
            last = i == len(pages) - 1 and not any(name in answer for name in ("break", "status", "hold"))
            yield pb.ScanResponse(next_page_token=b"" if last else page[-1].encode(), pairs=[
                pb.KeyValue(key=request.prefix + key.encode(), version=pb.Version(term=1, index=1)) for key in page])
        self.end(answer, context)
        if not pages:
            yield pb.ScanResponse()

    def watch(self, request, context):
        context.send_initial_metadata(())
        answer = self.next_of("watches", {"hold": True})
        if "epoch" in answer:
            yield pb.ClusterView(
                epoch=answer["epoch"], total_shards=1, nodes=[pb.ClusterNode(id="scripted", addr=self.address, role="leader")],
                shards=[pb.ShardInfo(id=0, replicas=[pb.ShardReplica(node_id="scripted", leader=True)])])
        self.end(answer, context)

    def health(self, request, context):
        self.end(self.next_of("healths", {}), context)
        return b"\x08\x01"

    def next_of(self, calls, otherwise):
        with self.lock:
            left = self.calls[calls]
            return left.pop(0) if len(left) > 1 else left[0] if left else otherwise

    def end(self, answer, context):
        if "hold" in answer:
            self.wait(context)
        if "break" in answer:
            context.abort(STATUSES[answer["break"]], answer.get("message", ""))
        if "status" in answer:
            trailers = [(name.replace("_", "-"), str(answer[name])) for name in ("retry_after_ms", "leader_hint") if answer.get(name)]
            context.set_trailing_metadata(tuple(trailers))
            context.abort(STATUSES[answer["status"]], answer.get("message", ""))

    def wait(self, context):
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait()


def status(answer):
    return pb.Status(
        code=answer["status"], message=answer.get("message", ""), leader_hint=answer.get("leader_hint", ""),
        retry_after_ms=answer.get("retry_after_ms", 0))


def is_unkeyed(kind, request):
    writes = kind in ("put", "delete") or kind == "batch" and any(o.WhichOneof("operation") != "get" for o in request.operations)
    return writes and not request.idempotency_key


def plain(key):
    return key.decode(errors="replace").split("/", 2)[-1]


def say(line):
    print(line, flush=True)


def services(node):
    def unary(work, request, response):
        return grpc.unary_unary_rpc_method_handler(work, request.FromString, response.SerializeToString)

    def streaming(work, request, response):
        return grpc.unary_stream_rpc_method_handler(work, request.FromString, response.SerializeToString)

    requests = {"put": pb.PutRequest, "get": pb.GetRequest, "delete": pb.DeleteRequest, "batch": pb.BatchRequest}
    kv = {kind.capitalize(): unary(node.alone(kind), requests[kind], RESPONSES[kind]) for kind in requests}
    kv["Stream"] = grpc.stream_stream_rpc_method_handler(
        node.stream, pb.StreamRequest.FromString, pb.StreamResponse.SerializeToString)
    kv["Scan"] = streaming(node.scan, pb.ScanRequest, pb.ScanResponse)
    yield grpc.method_handlers_generic_handler("norikv.v1.Kv", kv)
    yield grpc.method_handlers_generic_handler("norikv.v1.Meta", {
        "WatchCluster": streaming(node.watch, pb.ClusterView, pb.ClusterView)})
    # grpc.health.v1 by hand: serving.
    yield grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
        "Check": grpc.unary_unary_rpc_method_handler(node.health)})


def main(arguments):
    # As `norikv server CONFIG --rpc-addr ADDRESS …`; what else a server is told has no meaning here.
    script = json.loads(pathlib.Path(arguments[1]).read_text())
    address = arguments[arguments.index("--rpc-addr") + 1]
    node = Node(script)
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(64),
        options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(tuple(services(node)))
    port = server.add_insecure_port(address)
    node.address = f"127.0.0.1:{port}"
    server.start()
    say(f"ready node=scripted rpc=127.0.0.1:{port} http=127.0.0.1:1 data=none")
    sys.stdin.buffer.read()  # --with-parent: it ends with its input
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
