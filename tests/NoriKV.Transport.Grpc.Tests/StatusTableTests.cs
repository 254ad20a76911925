using Nori.Grpc;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc.Tests;

public sealed class StatusTableTests
{
    [Fact]
    public void Every_outcome_has_the_status_of_the_contract()
    {
        var expected = new Dictionary<KvCode, GrpcStatusCode>
        {
            [KvCode.Ok] = GrpcStatusCode.Ok,
            [KvCode.InvalidArgument] = GrpcStatusCode.InvalidArgument,
            [KvCode.VersionMismatch] = GrpcStatusCode.FailedPrecondition,
            [KvCode.AlreadyExists] = GrpcStatusCode.AlreadyExists,
            [KvCode.FailedPrecondition] = GrpcStatusCode.FailedPrecondition,
            [KvCode.NotLeader] = GrpcStatusCode.Unavailable,
            [KvCode.QuorumUnavailable] = GrpcStatusCode.Unavailable,
            [KvCode.Unavailable] = GrpcStatusCode.Unavailable,
            [KvCode.CommitTimeout] = GrpcStatusCode.DeadlineExceeded,
            [KvCode.DeadlineExceeded] = GrpcStatusCode.DeadlineExceeded,
            [KvCode.Overloaded] = GrpcStatusCode.ResourceExhausted,
            [KvCode.Cancelled] = GrpcStatusCode.Cancelled,
            [KvCode.Unimplemented] = GrpcStatusCode.Unimplemented,
            [KvCode.PermissionDenied] = GrpcStatusCode.PermissionDenied,
            [KvCode.DataLoss] = GrpcStatusCode.DataLoss,
            [KvCode.Internal] = GrpcStatusCode.Internal,
            [KvCode.NotFound] = GrpcStatusCode.NotFound,
        };
        Assert.All(Enum.GetValues<KvCode>(), code => Assert.Equal(expected[code], StatusTable.StatusOf(code)));
    }

    [Fact]
    public void A_leader_hint_and_a_time_to_wait_travel_both_ways()
    {
        var error = new KvError(KvCode.NotLeader, "NOT_LEADER: ask n2")
        {
            LeaderHint = "n2:7447",
            RetryAfter = TimeSpan.FromMilliseconds(250),
        };
        GrpcException unary = StatusTable.ToException(error);
        Assert.Equal("n2:7447", unary.Trailers.GetValue("leader-hint"));
        Assert.Equal("250", unary.Trailers.GetValue("retry-after-ms"));
        Proto.V1.Status inside = StatusTable.ToMessage(error);
        Assert.Equal(((uint)14, "n2:7447", 250ul), (inside.Code, inside.LeaderHint, inside.RetryAfterMs));
    }

    [Fact]
    public void Overload_always_says_when_to_come_back()
    {
        var error = new KvError(KvCode.Overloaded, "the queue is full");
        Assert.Equal("100", StatusTable.ToException(error).Trailers.GetValue("retry-after-ms"));
        KvError never = error with { RetryAfter = TimeSpan.Zero }; // waiting does not help
        Assert.Null(StatusTable.ToException(never).Trailers.GetValue("retry-after-ms"));
        Assert.Equal(0ul, StatusTable.ToMessage(never).RetryAfterMs);
        Assert.Equal(100ul, StatusTable.ToMessage(error).RetryAfterMs);
        Assert.Empty(StatusTable.ToException(new KvError(KvCode.Internal, "x")).Trailers);
    }

    [Fact]
    public void A_missing_key_is_an_empty_value_without_a_version()
    {
        Proto.V1.GetResponse missing = WireMessages.ToWire(new GetResult(default, default, KvMeta.None));
        Assert.Null(missing.Version);
        Assert.True(missing.Value.IsEmpty);
        Proto.V1.GetResponse empty = WireMessages.ToWire(new GetResult(default, new KvVersion(1, 2), KvMeta.None));
        Assert.Equal(2ul, empty.Version.Index);
    }

    [Fact]
    public void A_value_is_wrapped_and_not_copied()
    {
        byte[] value = [1, 2, 3];
        Proto.V1.GetResponse response = WireMessages.ToWire(new GetResult(value, new KvVersion(1, 1), KvMeta.None));
        Assert.True(response.Value.Span.Overlaps(value));
    }

    [Fact]
    public void A_time_to_live_beyond_all_clocks_is_cut_and_none_stays_none()
    {
        Assert.Null(WireDuration.FromMilliseconds(0));
        Assert.Equal(TimeSpan.FromMilliseconds(1), WireDuration.FromMilliseconds(1));
        Assert.Equal(WireDuration.Max, WireDuration.FromMilliseconds(ulong.MaxValue));
        Assert.True(WireDuration.Max + TimeSpan.FromDays(365_000) < TimeSpan.MaxValue);
    }
}
