#!/usr/bin/python3
"""grpcio against a NoriKV node: norikv_check.py HOST:PORT (a node that takes writes; keys are its own)."""
import os
import queue
import sys
import threading
import time
import grpc
from checks import check, equal, fails, generate, run

generate("proto/grpc", "health.proto", "reflection_v1.proto", "reflection_v1alpha.proto")
generate("proto", "norikv.proto")
import health_pb2  # noqa: E402
import norikv_pb2 as kv  # noqa: E402
import reflection_v1_pb2  # noqa: E402
import reflection_v1alpha_pb2  # noqa: E402

Code = grpc.StatusCode
PATIENCE = 20
RUN = b"interop/" + os.urandom(6).hex().encode() + b"/"


class Client:
    """The methods of NoriKV by hand: a generated stub would need another package."""

    def __init__(self, channel):
        self.channel = channel
        unary, stream = channel.unary_unary, channel.unary_stream
        self.put = self._method(unary, "Kv/Put", kv.PutRequest, kv.PutResponse)
        self.get = self._method(unary, "Kv/Get", kv.GetRequest, kv.GetResponse)
        self.delete = self._method(unary, "Kv/Delete", kv.DeleteRequest, kv.DeleteResponse)
        self.batch = self._method(unary, "Kv/Batch", kv.BatchRequest, kv.BatchResponse)
        self.scan = self._method(stream, "Kv/Scan", kv.ScanRequest, kv.ScanResponse)
        self.stream = self._method(channel.stream_stream, "Kv/Stream", kv.StreamRequest, kv.StreamResponse)
        self.watch = self._method(stream, "Meta/WatchCluster", kv.ClusterView, kv.ClusterView)
        self.snapshot = self._method(unary, "Admin/SnapshotShard", kv.ShardInfo, kv.ShardInfo)

    @staticmethod
    def _method(kind, name, request, response):
        call = kind("/norikv.v1." + name, request.SerializeToString, response.FromString)

        def invoke(message=None, timeout=PATIENCE, **fields):
            return call(request(**fields) if message is None else message, timeout=timeout)
        invoke.raw = call
        return invoke

    def value(self, key):
        answer = self.get(key=key)
        return answer.value if answer.HasField("version") else None


def pair(version):
    return version.term, version.index


@check
def a_put_is_read_back_with_its_version(client):
    written = client.put(key=RUN + b"a", value=b"one").version
    assert written.term >= 1 and written.index >= 1
    answer = client.get(key=RUN + b"a")
    equal(b"one", answer.value)
    equal(pair(written), pair(answer.version))


@check
def versions_of_a_key_rise(client):
    versions = [pair(client.put(key=RUN + b"rise", value=b"%d" % i).version) for i in range(20)]
    equal(sorted(set(versions)), versions)


@check
def a_missing_key_is_ok_without_a_version(client):
    answer = client.get(key=RUN + b"missing")
    equal(b"", answer.value)
    assert not answer.HasField("version")


@check
def an_empty_value_is_a_value(client):
    client.put(key=RUN + b"empty", value=b"")
    answer = client.get(key=RUN + b"empty")
    equal(b"", answer.value)
    assert answer.HasField("version")


@check
def keys_and_values_are_any_bytes_up_to_their_limits(client):
    every = bytes(range(256))
    client.put(key=RUN + every, value=every * 16)
    equal(every * 16, client.value(RUN + every))
    key = RUN + b"k" * (1024 - len(RUN))
    client.put(key=key, value=b"v" * (1 << 20))
    equal(1 << 20, len(client.value(key)))


@check
def a_delete_says_whether_the_key_existed(client):
    client.put(key=RUN + b"d", value=b"x")
    equal(True, client.delete(key=RUN + b"d").tombstoned)
    equal(None, client.value(RUN + b"d"))
    equal(False, client.delete(key=RUN + b"d").tombstoned)


@check
def compare_and_set_wants_the_version(client):
    key = RUN + b"cas"
    first = client.put(key=key, value=b"1").version
    second = client.put(key=key, value=b"2", if_match=first).version
    for action in (
            lambda: client.put(key=key, value=b"3", if_match=first),
            lambda: client.delete(key=key, if_match=first),
            lambda: client.put(key=RUN + b"no", value=b"3", if_match=first)):
        assert "Version mismatch" in fails(Code.FAILED_PRECONDITION, action).details()
    equal(b"2", client.value(key))
    equal(True, client.delete(key=key, if_match=second).tombstoned)


@check
def if_not_exists_creates_once(client):
    client.put(key=RUN + b"once", value=b"1", if_not_exists=True)
    fails(Code.ALREADY_EXISTS, lambda: client.put(key=RUN + b"once", value=b"2", if_not_exists=True))
    equal(b"1", client.value(RUN + b"once"))


@check
def a_repeat_with_its_idempotency_key_gets_the_first_answer(client):
    token = os.urandom(8).hex()
    first = client.put(key=RUN + b"i", value=b"1", idempotency_key=token).version
    client.put(key=RUN + b"i", value=b"2")
    again = client.put(key=RUN + b"i", value=b"1", idempotency_key=token).version
    equal(pair(first), pair(again))
    equal(b"2", client.value(RUN + b"i"))
    other = client.put(key=RUN + b"i2", value=b"3", idempotency_key=token).version
    assert pair(other) != pair(first) or client.value(RUN + b"i2") == b"3"
    equal([True, True], [client.delete(key=RUN + b"i", idempotency_key=token).tombstoned for _ in range(2)])


@check
def a_key_with_a_ttl_expires_and_one_overwritten_without_does_not(client):
    client.put(key=RUN + b"t", value=b"x", ttl_ms=300)
    client.put(key=RUN + b"t2", value=b"x", ttl_ms=300)
    equal(b"x", client.value(RUN + b"t"))
    client.put(key=RUN + b"t2", value=b"y")
    time.sleep(0.7)
    equal(None, client.value(RUN + b"t"))
    equal(b"y", client.value(RUN + b"t2"))


@check
def what_is_too_large_or_empty_is_an_invalid_argument(client):
    bad = Code.INVALID_ARGUMENT
    assert "Key size 1025 exceeds limit 1024" in fails(
        bad, lambda: client.put(key=b"k" * 1025, value=b"")).details()
    fails(bad, lambda: client.put(key=b"", value=b"x"))
    fails(bad, lambda: client.get(key=b""))
    fails(bad, lambda: client.delete(key=b""))
    fails(bad, lambda: client.put(key=RUN + b"big", value=b"v" * ((1 << 20) + 1)))
    fails(bad, lambda: client.put(key=RUN + b"bigger", value=b"v" * (5 << 20)))
    fails(bad, lambda: client.get(key=RUN + b"a", consistency="sometimes"))


@check
def every_name_of_a_consistency_is_known(client):
    client.put(key=RUN + b"c", value=b"x")
    for name in ("", "linearizable", "strong", "lease", "stale_ok", "eventual", "bounded", "bounded_staleness"):
        equal(b"x", client.get(key=RUN + b"c", consistency=name).value)


@check
def a_batch_answers_each_operation(client):
    answer = client.batch(operations=[
        kv.BatchOperation(put=kv.PutRequest(key=RUN + b"b1", value=b"1")),
        kv.BatchOperation(get=kv.GetRequest(key=RUN + b"missing")),
        kv.BatchOperation(delete=kv.DeleteRequest(key=RUN + b"missing too")),
        kv.BatchOperation(put=kv.PutRequest(key=RUN + b"b2", value=b"2"))])
    equal(["put", "get", "delete", "put"], [r.WhichOneof("result") for r in answer.results])
    equal(False, answer.results[2].delete.tombstoned)
    equal([b"1", b"2"], [client.value(RUN + b"b1"), client.value(RUN + b"b2")])


def scan(client, **fields):
    pages = list(client.scan(**fields))
    return [p.key for page in pages for p in page.pairs], pages


@check
def a_scan_is_in_key_order_both_ways_and_in_pages(client):
    prefix = RUN + b"scan/"
    keys = [prefix + b"%04d" % i for i in range(300)]
    for at in range(0, len(keys), 100):
        client.batch(operations=[
            kv.BatchOperation(put=kv.PutRequest(key=k, value=k[-4:])) for k in reversed(keys[at:at + 100])])
    equal(keys, scan(client, prefix=prefix)[0])
    equal(keys[::-1], scan(client, prefix=prefix, reverse=True)[0])
    equal(keys[10:20], scan(client, start=keys[10], end=keys[20])[0])
    equal(keys[:7], scan(client, prefix=prefix, limit=7)[0])
    _, pages = scan(client, prefix=prefix)
    for at, page in enumerate(pages[:-1]):
        rest = [p.key for later in pages[at + 1:] for p in later.pairs]
        equal(rest, scan(client, prefix=prefix, page_token=page.next_page_token)[0])
    counted = scan(client, prefix=prefix, count_only=True)
    equal(([], 300), (counted[0], counted[1][-1].count))
    bare = [p for page in client.scan(prefix=prefix, keys_only=True) for p in page.pairs]
    equal((300, b""), (len(bare), b"".join(p.value for p in bare)))


@check
def a_stream_answers_pipelined_calls_by_id(client):
    requests, answers = queue.Queue(), {}
    stream = client.stream.raw(iter(requests.get, None), timeout=PATIENCE)
    for at in range(0, 500, 50):
        requests.put(kv.StreamRequest(calls=[
            kv.StreamCall(id=i, put=kv.PutRequest(key=RUN + b"s%d" % i, value=b"%d" % i)) for i in range(at, at + 50)]))
    requests.put(kv.StreamRequest(calls=[
        kv.StreamCall(id=1000, get=kv.GetRequest(key=RUN + b"missing")),
        kv.StreamCall(id=1001, put=kv.PutRequest(key=b"", value=b"x"))]))
    for response in stream:
        for result in response.results:
            assert result.id not in answers
            answers[result.id] = result
        if len(answers) == 502:
            requests.put(None)
    equal(502, len(answers))
    assert all(answers[i].put.version.index >= 1 for i in range(500))
    assert not answers[1000].get.HasField("version")
    equal(3, answers[1001].error.code)
    equal(b"499", client.value(RUN + b"s499"))


@check
def the_cluster_view_comes_at_once(client):
    watch = client.watch()
    view = next(watch)
    assert view.epoch >= 1 and view.nodes and view.shards
    nodes = {node.id for node in view.nodes}
    assert all(replica.node_id in nodes for shard in view.shards for replica in shard.replicas)
    assert all(":" in node.addr and not node.addr.startswith("0.0.0.0") for node in view.nodes)
    watch.cancel()
    fails(Code.CANCELLED, lambda: list(watch))


@check
def a_shard_is_snapshotted(client):
    equal(0, client.snapshot(id=0).id)


@check
def deadlines_are_honoured(client):
    # Only of calls that have no end of their own: a fast node is done with a Put before any timeout, however short.
    fails(Code.DEADLINE_EXCEEDED, lambda: list(client.watch(timeout=0.3)))
    # The node's doing, not grpcio's: the header is set by hand, so that the caller itself would wait for ever.
    header = (("grpc-timeout", "200m"),)
    for call in (client.watch.raw(kv.ClusterView(), metadata=header),
                 client.stream.raw(iter(queue.Queue().get, None), metadata=header)):
        equal("The deadline passed.", fails(Code.DEADLINE_EXCEEDED, lambda: ended(call)).details())


def ended(call):
    """All answers of a call that ends within the patience."""
    watchdog = threading.Timer(PATIENCE, call.cancel)
    watchdog.start()
    try:
        return list(call)
    finally:
        watchdog.cancel()


@check
def a_cancelled_call_is_cancelled(client):
    call = client.watch()
    next(call)
    call.cancel()
    fails(Code.CANCELLED, lambda: next(call))


@check
def an_unknown_method_and_a_compressed_message_are_unimplemented(client):
    fails(Code.UNIMPLEMENTED, lambda: client.channel.unary_unary("/norikv.v1.Kv/Nothing")(b"", timeout=PATIENCE))
    request = kv.PutRequest(key=RUN + b"z", value=b"z" * 10000)
    fails(Code.UNIMPLEMENTED, lambda: client.put.raw(request, timeout=PATIENCE, compression=grpc.Compression.Gzip))


@check
def three_hundred_calls_run_at_once(client):
    calls = [client.put.raw.future(kv.PutRequest(key=RUN + b"p%d" % i, value=b"%d" % i), timeout=PATIENCE)
             for i in range(300)]
    for call in calls:
        assert call.result().version.index >= 1
    equal(b"299", client.value(RUN + b"p299"))


@check
def health_is_serving(client):
    method = client.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString, health_pb2.HealthCheckResponse.FromString)
    equal(health_pb2.HealthCheckResponse.SERVING, method(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status)
    fails(Code.NOT_FOUND, lambda: method(health_pb2.HealthCheckRequest(service="no"), timeout=PATIENCE))


@check
def reflection_describes_the_services(client):
    for version, module in (("v1", reflection_v1_pb2), ("v1alpha", reflection_v1alpha_pb2)):
        request = module.ServerReflectionRequest
        info = client.channel.stream_stream(
            "/grpc.reflection.%s.ServerReflection/ServerReflectionInfo" % version,
            request.SerializeToString, module.ServerReflectionResponse.FromString)
        listed, described = info(iter([
            request(list_services=""), request(file_containing_symbol="norikv.v1.Kv")]), timeout=PATIENCE)
        names = {service.name for service in listed.list_services_response.service}
        assert {"norikv.v1.Kv", "norikv.v1.Meta", "norikv.v1.Admin", "grpc.health.v1.Health"} <= names, names
        equal(kv.DESCRIPTOR.package, b"norikv.v1".decode())
        assert b"PutRequest" in described.file_descriptor_response.file_descriptor_proto[0]


if __name__ == "__main__":
    run(Client(grpc.insecure_channel(sys.argv[1])))
