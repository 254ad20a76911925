using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Machine;

/// <summary>
/// A shard's members with the nodes they live on: in the state record and in configuration entries, little-endian:
/// <c>count varint | count × (replica id u64, node number u64, role u8)</c>.
/// </summary>
internal static class ShardConfiguration
{
    /// <summary>The most members that are read back. Part of the format.</summary>
    public const int MembersMax = 64;

    private const int MemberBytes = 17;
    private const MemberRole Known =
        MemberRole.Voter | MemberRole.Learner | MemberRole.Outgoing | MemberRole.LearnerNext;

    /// <summary>Bytes that the members take at most.</summary>
    public static int BytesMax(int members) => Varint.BytesMax + (MemberBytes * members);

    /// <summary>Writes the members; returns the bytes written.</summary>
    public static int Encode(IReadOnlyList<ConfigurationMember> members, Span<byte> target)
    {
        int length = Varint.Write(target, (ulong)members.Count);
        foreach (ConfigurationMember member in members)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target[length..], member.Replica.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(target[(length + 8)..], member.Node.Value);
            target[length + 16] = (byte)member.Role;
            length += MemberBytes;
        }

        return length;
    }

    /// <summary>Reads members; false for bytes that are none.</summary>
    public static bool TryDecode(ref SpanReader reader, out ConfigurationMember[] members)
    {
        members = [];
        if (!reader.TryReadVarintInt32(out int count) || count > MembersMax) return false;
        members = new ConfigurationMember[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong replica) || replica == 0) return false;
            if (!reader.TryReadUInt64(out ulong node) || !reader.TryReadByte(out byte role)) return false;
            if (role == 0 || ((MemberRole)role & ~Known) != 0) return false;
            members[i] = new ConfigurationMember(new ReplicaId(replica), new NodeNumber(node), (MemberRole)role);
        }

        return TryToRaft(members, out _);
    }

    /// <summary>The members as the core knows them; false when their roles contradict each other.</summary>
    public static bool TryToRaft(IReadOnlyList<ConfigurationMember> members, out Raft.Configuration configuration)
    {
        try
        {
            configuration = ToRaft(members);
            return true;
        }
        catch (ArgumentException)
        {
            configuration = Raft.Configuration.Empty;
            return false;
        }
    }

    /// <summary>The members as the core knows them.</summary>
    /// <exception cref="ArgumentException">Their roles contradict each other.</exception>
    public static Raft.Configuration ToRaft(IReadOnlyList<ConfigurationMember> members) => members.Count == 0
        ? Raft.Configuration.Empty
        : new Raft.Configuration(
            With(members, MemberRole.Voter), With(members, MemberRole.Learner),
            With(members, MemberRole.Outgoing), With(members, MemberRole.LearnerNext));

    /// <summary>The core's configuration with the nodes of its members.</summary>
    public static ConfigurationMember[] FromRaft(Raft.Configuration configuration, Func<ReplicaId, NodeNumber> nodeOf) =>
        [.. configuration.Members.Select(id =>
        {
            MemberRole role = configuration.Voters.Contains(id) ? MemberRole.Voter : MemberRole.None;
            if (configuration.Learners.Contains(id)) role |= MemberRole.Learner;
            if (configuration.Outgoing.Contains(id)) role |= MemberRole.Outgoing;
            if (configuration.LearnersNext.Contains(id)) role |= MemberRole.LearnerNext;
            var replica = new ReplicaId(id.Value);
            return new ConfigurationMember(replica, nodeOf(replica), role);
        })];

    private static IEnumerable<Raft.ReplicaId> With(IEnumerable<ConfigurationMember> members, MemberRole role) =>
        members.Where(m => m.Role.HasFlag(role)).Select(static m => new Raft.ReplicaId(m.Replica.Value));
}
