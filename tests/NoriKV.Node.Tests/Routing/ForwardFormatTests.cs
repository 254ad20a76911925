using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Node.Machine;
using NoriKV.Node.Routing;
using NoriKV.Node.Scanning;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Routing;

/// <summary>Bodies of forwarded requests: read as written, and nothing else is believed.</summary>
public sealed class ForwardFormatTests
{
    private static readonly byte[] Write = WriteBody();

    private static readonly byte[] Read = new ForwardedRead(
        1, new ShardId(9), new ReadOptions { Consistency = Consistency.Bounded, MaxStaleness = TimeSpan.FromMilliseconds(70) }, 5000,
        [Bytes("a"), Bytes("bb")]).Encode();

    private static readonly byte[] Scan = new ForwardedScan(
        1, new ScanOptions { Start = Bytes("a"), End = Bytes("z"), Reverse = true, Limit = 7 }, Bytes("m"), 100, 2000,
        [new ShardId(0), new ShardId(1), new ShardId(500)]).Encode();

    private static readonly byte[] WriteAnswer = ForwardedWrite.Answer(
        new EntryOutcome
        {
            Operations =
            [
                new OperationOutcome(OutcomeStatus.Done, new KvVersion(2, 300)),
                new OperationOutcome(OutcomeStatus.Found, new KvVersion(1, 7), Bytes("value")),
            ],
            Replay = ReplayKind.Same,
        },
        isSynced: true);

    private static readonly byte[] ReadAnswer = ForwardedRead.Answer(new ReadValues(
        Consistency.Lease, 12, [new OperationOutcome(OutcomeStatus.Missing, KvVersion.None), new OperationOutcome(
            OutcomeStatus.Found, new KvVersion(3, 4), Bytes("x"))]));

    private static readonly byte[] ScanAnswer = ForwardedScan.Answer(
        new ScanPartPage([new KvPair(Bytes("k"), Bytes("v"), new KvVersion(1, 2))], 1, false, Bytes("k"), null), [new ShardId(4)]);

    private static readonly byte[] Error = ForwardedWrite.Answer(
        new KvError(KvCode.Overloaded, "too much ü") { RetryAfter = TimeSpan.FromMilliseconds(50) }, new NodeNumber(3), isFinal: false);

    [Fact]
    public void What_was_written_is_read()
    {
        Assert.True(ForwardedWrite.TryRead(Write, out byte hops, out ShardId shard, out ReadOnlyMemory<byte> envelope));
        Assert.Equal((1, new ShardId(77)), (hops, shard));
        Assert.True(EntryReader.TryDecode(envelope, out DecodedEntry entry, out _));
        Assert.Equal(SessionKind.NodeSession, entry.Session.Kind);
        ForwardedRead read = ForwardedRead.TryDecode(Read)!;
        Assert.Equal((new ShardId(9), 5000, 2, 70.0), (
            read.Shard, read.AnswerBytesMax, read.Keys.Count, read.Options.MaxStaleness!.Value.TotalMilliseconds));
        ForwardedScan scan = ForwardedScan.TryDecode(Scan)!;
        Assert.Equal([0u, 1u, 500u], scan.Shards.Select(static s => s.Value));
        Assert.Equal((true, 7L, 100, 2000), (scan.Options.Reverse, scan.Options.Limit, scan.PairsMax, scan.BytesMax));
        WriteAnswer written = ForwardedWrite.TryReadAnswer(WriteAnswer, 2)!;
        Assert.Equal(ReplayKind.Same, written.Result.Value.Replay);
        Assert.Equal(new KvVersion(2, 300), written.Result.Value.Operations[0].Version);
        Assert.Null(ForwardedWrite.TryReadAnswer(WriteAnswer, 3));
        ReadAnswer values = ForwardedRead.TryReadAnswer(ReadAnswer, 2)!;
        Assert.Equal((Consistency.Lease, 12L), (values.Result.Value.Served, values.Result.Value.StalenessMs));
        ScanAnswer page = ForwardedScan.TryReadAnswer(ScanAnswer)!;
        Assert.Equal((4u, 1L, false), (page.Refused[0].Value, page.Result.Value.Count, page.Result.Value.IsDone));
        WriteAnswer refused = ForwardedWrite.TryReadAnswer(Error, 1)!;
        Assert.Equal((KvCode.Overloaded, "too much ü", 50.0, new NodeNumber(3)), (
            refused.Result.Error!.Code, refused.Result.Error.Message, refused.Result.Error.RetryAfter!.Value.TotalMilliseconds,
            refused.Leader));
        Assert.True(FreshnessCall.TryReadAnswer(FreshnessCall.Answer(123_456_789, 42), out long age, out ulong index));
        Assert.Equal((123_456_789, 42UL), (age, index));
    }

    [Fact]
    public void The_codes_are_as_written_down() => Assert.Equal(
        [
            "Ok", "InvalidArgument", "VersionMismatch", "AlreadyExists", "FailedPrecondition", "NotLeader", "QuorumUnavailable",
            "Unavailable", "CommitTimeout", "DeadlineExceeded", "Overloaded", "Cancelled", "Unimplemented", "PermissionDenied",
            "DataLoss", "Internal", "NotFound",
        ],
        Enum.GetValues<KvCode>().Select(static c => c.ToString()));

    [Fact]
    public void A_mutated_body_is_refused_or_says_something_that_can_be_said()
    {
        var random = new Prng(11);
        byte[][] bodies = [Write, Read, Scan, WriteAnswer, ReadAnswer, ScanAnswer, Error];
        int taken = 0;
        for (int i = 0; i < 40_000; i++)
        {
            byte[] body = [.. bodies[random.NextInt(bodies.Length)]];
            for (int n = random.NextInt(1, 4); n > 0; n--) body[random.NextInt(body.Length)] = (byte)random.NextUInt32();
            if (random.Chance(0.2)) body = body[..random.NextInt(body.Length + 1)];
            if (ForwardedWrite.TryRead(body, out _, out _, out _)) taken++;
            if (ForwardedRead.TryDecode(body) is { } read)
            {
                taken++;
                Assert.All(read.Keys, static k => Assert.False(k.IsEmpty));
            }

            if (ForwardedScan.TryDecode(body) is { } scan)
            {
                taken++;
                Assert.True(scan.PairsMax > 0 && scan.BytesMax > 0 && scan.Shards.Count > 0);
            }

            if (ForwardedWrite.TryReadAnswer(body, 2) is not null) taken++;
            if (ForwardedRead.TryReadAnswer(body, 2) is not null) taken++;
            if (ForwardedScan.TryReadAnswer(body) is { Result.IsOk: true } answer)
            {
                taken++;
                Assert.True(answer.Result.Value.IsDone || answer.Result.Value.LastKey is not null);
            }
        }

        Assert.True(taken > 2000);
    }

    private static byte[] WriteBody()
    {
        byte[] envelope = EntryWriter.Encode(
            new EntrySession(SessionKind.NodeSession, new byte[16], 5, 0),
            [new EntryOperation(OperationKind.Put, Bytes("k"), Bytes("v"), 0, null, false)]);
        byte[] body = new byte[ForwardedWrite.HeadBytes + envelope.Length];
        ForwardedWrite.WriteHead(body, 1, new ShardId(77));
        envelope.CopyTo(body, ForwardedWrite.HeadBytes);
        return body;
    }
}
