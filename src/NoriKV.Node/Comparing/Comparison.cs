using NoriKV.Node.Machine;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>
/// One comparison of a shard's replicas, on its leader's node: everyone agrees to hash behind the first time entry from an index
/// on, the entry is proposed, the digests are collected, and what differs is judged. Stepped.
/// </summary>
internal sealed class Comparison(ShardId shard, ulong check, ComparisonParts parts)
{
    private static readonly TimeSpan ArmTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(1);

    private readonly List<Member> _members = [];
    private readonly long _began = parts.Time.GetTimestamp();
    private Task<GroupReport?>? _report;
    private Task? _proposed;
    private long _askedAt;
    private bool _withPieces;
    private Phase _phase;

    private enum Phase
    {
        Members,
        Arming,
        Proposing,
        Asking,
        Done,
    }

    public ShardId Shard => shard;

    /// <summary>What was found out; null while it goes on, or when nothing could be found out.</summary>
    public ComparisonResult? Result { get; private set; }

    public bool IsDone => _phase == Phase.Done;

    /// <summary>One step; false when it waits.</summary>
    public bool RunOnce()
    {
        if (_phase != Phase.Done && Since(_began) > parts.Options.Timeout) return End(null);
        return _phase switch
        {
            Phase.Members => TakeMembers(),
            Phase.Arming => Propose(),
            Phase.Proposing => BeginAsking(),
            Phase.Asking => Ask(),
            _ => false,
        };
    }

    private bool TakeMembers()
    {
        _report ??= parts.Host.ReportAsync(shard, Deadline(ArmTimeout)).AsTask();
        if (!_report.IsCompleted) return false;
        // While its membership changes, another time.
        if (!_report.IsCompletedSuccessfully || _report.Result is not { IsLeader: true, IsSettled: true } report) return End(null);
        byte[] arm = CompareMessages.EncodeArm(shard, check, parts.Host.Status(shard).Last.Next);
        foreach (ConfigurationMember member in report.Members)
        {
            _members.Add(new Member(member)
            {
                Call = parts.Calls.CallAsync(
                    member.Node, Ports.PeerChannel.Control, PeerMethod.CompareArm, arm, Deadline(ArmTimeout)).AsTask(),
            });
        }

        _phase = Phase.Arming;
        return true;
    }

    private bool Propose()
    {
        if (_members.Exists(static m => !m.Call!.IsCompleted)) return false;
        bool hasOwn = _members.Exists(m => m.Node == parts.Self && m.HasAnswered);
        _members.RemoveAll(static m => !m.HasAnswered);
        if (!hasOwn || _members.Count < 2) return End(null);
        _proposed = parts.ProposeTime(shard, Deadline(ArmTimeout));
        _phase = Phase.Proposing;
        return true;
    }

    private bool BeginAsking()
    {
        if (!_proposed!.IsCompleted) return false;
        _phase = Phase.Asking;
        AskAll();
        return true;
    }

    private bool Ask()
    {
        if (_members.Exists(static m => m.Call is { IsCompleted: false })) return false;
        bool worked = false;
        foreach (Member member in _members) worked |= TakeAnswer(member);
        _members.RemoveAll(static m => m.IsOut);
        if (!_members.Exists(m => m.Node == parts.Self) || _members.Count < 2) return End(null);
        if (_members.TrueForAll(static m => m.Digest is not null)) return Judge();
        if (Since(_askedAt) < AskPeriod) return worked;
        AskAll();
        return true;
    }

    private void AskAll()
    {
        _askedAt = parts.Time.GetTimestamp();
        byte[] ask = CompareMessages.EncodeAsk(shard, check, _withPieces);
        foreach (Member member in _members)
        {
            if (member.Digest is not null) continue;
            member.Call = parts.Calls.CallAsync(
                member.Node, Ports.PeerChannel.Control, PeerMethod.CompareAsk, ask, Deadline(ArmTimeout)).AsTask();
        }
    }

    private static bool TakeAnswer(Member member)
    {
        if (member.Call is not { } call) return false;
        member.Call = null;
        // One that does not answer now is asked again.
        if (!call.IsCompletedSuccessfully || !call.Result.IsOk) return true;
        bool isRead = CompareMessages.TryDecodeAnswer(call.Result.Body.Span, out DigestState state, out ReplicaDigest? digest);
        member.IsOut = !isRead || state == DigestState.None;
        member.Digest = digest;
        return true;
    }

    private bool Judge()
    {
        Member own = _members.First(m => m.Node == parts.Self);
        // Another index: its leader changed, and it took another entry for the one.
        _members.RemoveAll(m => m.Digest!.Index != own.Digest!.Index);
        if (_members.Count < 2) return End(null);
        List<Member> odd = [.. _members.Where(m => m.Digest!.Hash != own.Digest!.Hash)];
        if (odd.Count > 0 && !_withPieces)
        {
            // Once more, for where they differ.
            _withPieces = true;
            foreach (Member member in _members) member.Digest = null;
            AskAll();
            return true;
        }

        int voters = _report!.Result!.Members.Count(static m => m.Role == MemberRole.Voter);
        int agreeing = _members.Count(m => m.IsVoter && !odd.Contains(m));
        bool isMajority = agreeing > voters / 2 && own.IsVoter;
        return End(new ComparisonResult(
            shard, own.Digest!.Index, _members.Count,
            [.. odd.Select(m => (m.Replica, m.Node, m.Digest!.Hash))],
            odd.Count == 0 ? "" : own.Digest.FirstDifference(odd[0].Digest!), isMajority));
    }

    private bool End(ComparisonResult? result)
    {
        Result = result;
        _phase = Phase.Done;
        return true;
    }

    private TimeSpan Since(long timestamp) => parts.Time.GetElapsedTime(timestamp);

    private long Deadline(TimeSpan left) =>
        parts.Time.GetTimestamp() + (long)(left.TotalSeconds * parts.Time.TimestampFrequency);

    private sealed class Member(ConfigurationMember member)
    {
        public NodeNumber Node { get; } = member.Node;

        public ReplicaId Replica { get; } = member.Replica;

        public bool IsVoter { get; } = member.Role == MemberRole.Voter;

        public Task<PeerReply>? Call { get; set; }

        public ReplicaDigest? Digest { get; set; }

        public bool IsOut { get; set; }

        public bool HasAnswered => Call is { IsCompletedSuccessfully: true, Result.IsOk: true };
    }
}
