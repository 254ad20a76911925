#!/usr/bin/python3
"""grpcio against the echo service of Nori.Grpc.Server.Tests: echo_check.py HOST:PORT"""
import sys
import threading
import grpc
from checks import check, equal, fails, generate, run

generate("proto/grpc", "health.proto", "reflection_v1.proto", "reflection_v1alpha.proto")
import health_pb2  # noqa: E402
import reflection_v1_pb2  # noqa: E402
import reflection_v1alpha_pb2  # noqa: E402

ECHO = "/nori.test.Echo/"
PATIENCE = 20
Code = grpc.StatusCode


def say(channel, message, **options):
    return channel.unary_unary(ECHO + "Say")(message, timeout=PATIENCE, **options)


@check
def unary_messages_of_any_size(channel):
    for size in (0, 1, 1000, 70000, 1 << 20, 4 << 20):
        equal(size, len(say(channel, b"x" * size)))


@check
def a_message_above_the_limit_is_resource_exhausted(channel):
    fails(Code.RESOURCE_EXHAUSTED, lambda: say(channel, b"x" * ((4 << 20) + 1)))
    equal(b"y", say(channel, b"y"))


@check
def metadata_travels_as_text_and_bytes(channel):
    metadata = (("x-text", "a, b"), ("x-raw-bin", b"\x00\xff\x01"))
    _, call = channel.unary_unary(ECHO + "Say").with_call(b"", metadata=metadata, timeout=PATIENCE)
    equal("a, b", dict(call.initial_metadata())["x-text"])
    equal(b"\x00\xff\x01", dict(call.trailing_metadata())["x-raw-bin"])


@check
def every_status_code_arrives(channel):
    for code in Code:
        number = code.value[0]
        if number == 0:
            continue
        error = fails(code, lambda: channel.unary_unary(ECHO + "Fail")(b"%d" % number, timeout=PATIENCE))
        equal("code %d" % number, error.details())


@check
def an_error_has_its_message_and_trailers(channel):
    error = fails(Code.UNAVAILABLE, lambda: channel.unary_unary(ECHO + "Fail")(b"trailers", timeout=PATIENCE))
    equal("NOT_LEADER: ask »n2« 100%\n", error.details())
    equal("10.0.0.1:7447", dict(error.trailing_metadata())["leader-hint"])


@check
def a_fault_is_unknown_and_says_nothing(channel):
    error = fails(Code.UNKNOWN, lambda: channel.unary_unary(ECHO + "Fail")(b"throw", timeout=PATIENCE))
    assert "secret" not in error.details()


@check
def an_unknown_method_is_unimplemented(channel):
    fails(Code.UNIMPLEMENTED, lambda: channel.unary_unary(ECHO + "Nothing")(b"", timeout=PATIENCE))
    fails(Code.UNIMPLEMENTED, lambda: channel.unary_unary("/no.Service/Say")(b"", timeout=PATIENCE))


@check
def a_compressed_message_is_unimplemented(channel):
    fails(Code.UNIMPLEMENTED, lambda: say(channel, b"x" * 100000, compression=grpc.Compression.Gzip))


@check
def server_streams_end_and_fail(channel):
    repeat = channel.unary_stream(ECHO + "Repeat")
    equal([b"\x05ab"] * 5, list(repeat(b"\x05ab", timeout=PATIENCE)))
    equal([], list(repeat(b"\x00", timeout=PATIENCE)))
    received = []
    fails(Code.OUT_OF_RANGE, lambda: received.extend(repeat(b"\x65", timeout=PATIENCE)) or None)
    stream = repeat(b"\x65", timeout=PATIENCE)
    count = 0
    try:
        for _ in stream:
            count += 1
    except grpc.RpcError:
        pass
    equal(100, count)


@check
def a_server_stream_is_cancelled(channel):
    stream = channel.unary_stream(ECHO + "Repeat")(b"\xff" + b"x" * 1000)
    for _ in range(10):
        next(stream)
    stream.cancel()
    fails(Code.CANCELLED, lambda: list(stream))


@check
def client_streams_are_collected(channel):
    concat = channel.stream_unary(ECHO + "Concat")
    equal(b"abc" * 100, concat(iter([b"abc"] * 100), timeout=PATIENCE))
    equal(b"", concat(iter([]), timeout=PATIENCE))
    error = fails(Code.ABORTED, lambda: concat(iter([b"\xff"] + [b"z" * 1000] * 50), timeout=PATIENCE))
    equal("enough", error.details())


@check
def duplex_streams_answer_each_message(channel):
    sent = [b"%d" % i + b"x" * (i * 500) for i in range(200)]
    equal(sent, list(channel.stream_stream(ECHO + "Chat")(iter(sent), timeout=PATIENCE)))


@check
def a_deadline_is_exceeded(channel):
    fails(Code.DEADLINE_EXCEEDED, lambda: channel.unary_unary(ECHO + "Hang")(b"", timeout=0.2))


@check
def a_call_is_cancelled(channel):
    call = channel.unary_unary(ECHO + "Hang").future(b"", timeout=PATIENCE)
    call.cancel()
    assert call.cancelled()


@check
def three_hundred_calls_run_at_once(channel):
    calls = [channel.unary_unary(ECHO + "Say").future(b"%d" % i, timeout=PATIENCE) for i in range(300)]
    for i, call in enumerate(calls):
        equal(b"%d" % i, call.result())


@check
def health_is_checked_and_watched(channel):
    def method(kind, name):
        return kind("/grpc.health.v1.Health/" + name,
                    health_pb2.HealthCheckRequest.SerializeToString, health_pb2.HealthCheckResponse.FromString)
    query = method(channel.unary_unary, "Check")
    equal(health_pb2.HealthCheckResponse.SERVING, query(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status)
    fails(Code.NOT_FOUND, lambda: query(health_pb2.HealthCheckRequest(service="no"), timeout=PATIENCE))
    watch = method(channel.unary_stream, "Watch")(health_pb2.HealthCheckRequest(service="no"), timeout=PATIENCE)
    equal(health_pb2.HealthCheckResponse.SERVICE_UNKNOWN, next(watch).status)
    watch.cancel()


@check
def reflection_lists_and_describes_in_both_versions(channel):
    for version, module in (("v1", reflection_v1_pb2), ("v1alpha", reflection_v1alpha_pb2)):
        request = module.ServerReflectionRequest
        info = channel.stream_stream(
            "/grpc.reflection.%s.ServerReflection/ServerReflectionInfo" % version,
            request.SerializeToString, module.ServerReflectionResponse.FromString)
        listed, described, missing = info(iter([
            request(list_services="*"),
            request(file_containing_symbol="grpc.health.v1.Health"),
            request(file_containing_symbol="no.Thing")]), timeout=PATIENCE)
        assert "grpc.health.v1.Health" in [s.name for s in listed.list_services_response.service]
        assert b"HealthCheckRequest" in described.file_descriptor_response.file_descriptor_proto[0]
        equal(5, missing.error_response.error_code)


@check
def calls_from_many_threads_share_a_channel(channel):
    errors = []

    def work(thread):
        try:
            for i in range(50):
                message = b"%d/%d" % (thread, i)
                equal(message, say(channel, message))
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal([], errors)


if __name__ == "__main__":
    run(grpc.insecure_channel(sys.argv[1], options=[("grpc.max_receive_message_length", 8 << 20)]))
