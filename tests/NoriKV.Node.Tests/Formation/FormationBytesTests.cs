using System.Buffers.Binary;
using Nori.Core;
using Nori.Fuzzing;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Formation;

/// <summary>
/// What formation stores and sends (docs/formats/formation.md): what is written is read, what is no such thing is refused.
/// </summary>
public sealed class FormationBytesTests
{
    private static readonly FormationSettings Settings = new(16, true, 3);

    private static readonly FormationMember[] Members =
    [
        new("n1", new Guid("11111111-2222-4333-8444-555555555555"), "127.0.0.1:7447", "a"),
        new("n2", new Guid("21111111-2222-4333-8444-555555555555"), "db2:7447", ""),
        new("n3", new Guid("31111111-2222-4333-8444-555555555555"), "[::1]:7447", "c"),
    ];

    private static readonly FormationProposal Proposal = FormationProposal.Create(
        new Guid("aaaaaaaa-2222-4333-8444-555555555555"), Settings, Members.Reverse());

    private static readonly ClusterRecord Record = ClusterRecord.Of(Proposal, Members[1].StoreUuid);
    private static readonly IdentifyRequest Request = new(Members[0], "norikv", 3, Settings, 1, 2);

    private static readonly IdentifyReply Reply = new()
    {
        Self = Request,
        ClusterId = Proposal.ClusterId,
        Held = Proposal.ClusterId,
        HeldBy = "n1",
        Known = ["a:1", "b:2"],
    };

    private static readonly JoinCall Call = new(Members[2], "norikv", Settings, 1, 1);

    private static readonly JoinReply Joined = new()
    {
        ClusterId = Proposal.ClusterId,
        Number = new NodeNumber(2),
        TotalShards = 16,
        HashTags = true,
        ReplicationFactor = 3,
        Nodes = Record.Nodes,
    };

    [Fact]
    public void A_proposal_is_what_was_proposed()
    {
        FormationProposal read = FormationProposal.TryDecode(Proposal.Encode())!;
        Assert.Equal(Proposal.ClusterId, read.ClusterId);
        Assert.Equal(Settings, read.Settings);
        Assert.Equal(Members, read.Members);
        Assert.Equal("n1", read.Proposer.Name);
        Assert.Equal(3UL, read.NumberOf(Members[2].StoreUuid).Value);
        Assert.Equal(default, read.NumberOf(Guid.NewGuid()));
        for (uint shard = 0; shard <= 16; shard++)
        {
            IReadOnlyList<PlannedReplica> replicas = read.ReplicasOf(new ShardId(shard));
            Assert.Equal(Proposal.ReplicasOf(new ShardId(shard)), replicas);
            Assert.Equal([1UL, 2, 3], replicas.Select(static r => r.Node.Value).Order().ToArray());
            Assert.Equal([shard * 8UL + 1, shard * 8UL + 2, shard * 8UL + 3], replicas.Select(static r => r.Id.Value));
        }

        Assert.Empty(read.ReplicasOf(new ShardId(17)));
    }

    [Fact]
    public void A_record_is_read_with_and_without_what_it_was_founded_with()
    {
        ClusterRecord founded = ClusterRecord.TryDecode(Record.Encode())!;
        Assert.Equal((Record.ClusterId, 2UL), (founded.ClusterId, founded.Self.Value));
        Assert.Equal(Record.Nodes, founded.Nodes);
        Assert.Equal(Members[1].StoreUuid, founded.ToPlan().StoreUuid);
        Assert.Equal(3, founded.ToPlan().Replicas(new ShardId(5)).Count);
        Assert.Empty(founded.ToPlan().Validate());
        ClusterRecord joined = ClusterRecord.TryDecode((Record with { Founding = null }).Encode())!;
        Assert.Null(joined.Founding);
        Assert.Empty(joined.ToPlan().Replicas(new ShardId(5)));
    }

    [Fact]
    public void Messages_are_what_was_sent()
    {
        Assert.Equal(Request, IdentifyRequest.TryDecode(Request.Encode()));
        IdentifyReply reply = IdentifyReply.TryDecode(Reply.Encode())!;
        Assert.Equal(Reply with { Known = reply.Known }, reply);
        Assert.Equal(Reply.Known, reply.Known);
        Assert.Equal(Call, JoinCall.TryDecode(Call.Encode()));
        JoinReply joined = JoinAnswer.TryDecode(JoinAnswer.Encode(Joined))!;
        Assert.Equal(Joined with { Nodes = joined.Nodes }, joined);
        Assert.Equal(Joined.Nodes, joined.Nodes);
        Assert.True(JoinAnswer.TryDecode(JoinAnswer.Encode(JoinAnswer.NotNow("soon")))!.MayRetry);
        Assert.Equal("never", JoinAnswer.TryDecode(JoinAnswer.Encode(JoinAnswer.Refused("never")))!.Refusal);
        var refused = new FormReply(false, Proposal.ClusterId, Guid.Empty, "", "because");
        Assert.Equal(refused, FormReply.TryDecode(refused.Encode()));
    }

    [Fact]
    public void Any_bit_flipped_in_a_file_is_noticed()
    {
        foreach (byte[] bytes in (byte[][])[Record.Encode(), new FormationFile(Members[0].StoreUuid, Proposal).Encode()])
        {
            for (int i = 0; i < bytes.Length * 8; i++)
            {
                bytes[i / 8] ^= (byte)(1 << (i % 8));
                Assert.Null(ClusterRecord.TryDecode(bytes));
                Assert.Null(FormationFile.TryDecode(bytes));
                bytes[i / 8] ^= (byte)(1 << (i % 8));
            }
        }
    }

    [Fact]
    public void Decoders_answer_whatever_comes()
    {
        Fuzz("formation-proposal", [Proposal.Encode()], static b => FormationProposal.TryDecode(b) is { } p
            && p.ReplicasOf(new ShardId(0)).Count > 0);
        Fuzz("identify", [Reply.Encode(), Request.Encode()], static b =>
            IdentifyReply.TryDecode(b) is not null || IdentifyRequest.TryDecode(b) is not null);
        Fuzz("join", [Call.Encode(), JoinAnswer.Encode(Joined), JoinAnswer.Encode(JoinAnswer.NotNow("soon"))], static b =>
            JoinCall.TryDecode(b) is not null || JoinAnswer.TryDecode(b) is not null);
        Fuzz("form-reply", [new FormReply(true, Guid.NewGuid(), Guid.NewGuid(), "n1", "x").Encode()], static b =>
            FormReply.TryDecode(b) is not null);
        Fuzz("cluster-record", [Record.Encode()], static b => ClusterRecord.TryDecode(b) is { } r && r.ToPlan().Nodes.Count > 0, Repair);
        Fuzz("forming", [new FormationFile(Guid.NewGuid(), Proposal).Encode()], static b => FormationFile.TryDecode(b) is not null, Repair);
    }

    private static void Fuzz(string target, byte[][] valid, Func<byte[], bool> decode, Action<byte[]>? repair = null) =>
        new Fuzzer("NoriKV.Node.Tests", target).Run(valid, decode, repair);

    private static void Repair(byte[] bytes)
    {
        if (bytes.Length < 4) return;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), Crc32C.Compute(bytes.AsSpan(0, bytes.Length - 4)));
    }
}
