using System.Reflection;
using System.Text;
using Nori.IO;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node;

/// <summary>What is wrong with the cluster: this node asks every member what it says of itself, and compares.</summary>
public sealed partial class NoriNode
{
    /// <summary>An election takes less: what still has no leader behind that is a finding.</summary>
    private static readonly TimeSpan ElectionMax = TimeSpan.FromSeconds(2);

    private static readonly string Version =
        typeof(NoriNode).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private readonly Lock _diagnosing = new(); // Guards _diagnosis.
    private Task<ClusterDiagnosis>? _diagnosis;

    /// <inheritdoc/>
    public async ValueTask<KvResult<ClusterDiagnosis>> DiagnoseAsync(RequestContext context)
    {
        Task<ClusterDiagnosis> run;
        lock (_diagnosing)
        {
            // Whoever asks meanwhile gets the same answer: asking often costs the cluster no more than asking once.
            if (_diagnosis is not { IsCompleted: false }) _diagnosis = DiagnoseOnceAsync();
            run = _diagnosis;
        }

        try
        {
            return await run.WaitAsync(context.CancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return ProposalErrors.Cancelled;
        }
    }

    private async Task<ClusterDiagnosis> DiagnoseOnceAsync()
    {
        if (Dismissed is { } gone) return DiagnoseSelf(gone);
        DiagnosisInput input = await AskAllAsync().ConfigureAwait(false);
        IReadOnlyList<Finding> findings = Diagnoser.Find(input);
        bool mayPass = findings.Any(static f => f.Id is FindingIds.NoLeader or FindingIds.NoMetaLeader);
        if (mayPass && _loop is not null && input.Reports.Count > 1)
        {
            await Task.Delay(ElectionMax, _time).ConfigureAwait(false);
            input = await AskAllAsync().ConfigureAwait(false);
            findings = Diagnoser.Find(input);
        }

        return new ClusterDiagnosis
        {
            Node = NodeId,
            Asked = [.. input.Members.Select(static n => n.Name)],
            Answered = [.. input.Reports.Keys.Select(input.NameOf)],
            Findings = findings,
        };
    }

    // Nobody answers it: what it would say of the others is what it lacks itself.
    private ClusterDiagnosis DiagnoseSelf(string gone) => new()
    {
        Node = NodeId,
        Asked = [NodeId],
        Answered = [NodeId],
        Findings =
        [
            new Finding(
                FindingIds.NodeGone, FindingSeverity.Critical, NodeId, $"{NodeId} is no member of the cluster any more, and still runs",
                gone,
                "Ask a member how the cluster is. Stop this node; an empty data directory makes a new member of it"),
        ],
    };

    private async Task<DiagnosisInput> AskAllAsync()
    {
        ClusterMap map = Table.Current;
        var input = new DiagnosisInput { Map = map, MetaShard = MetaShard, Options = _options.Diagnosis };
        input.Add(ReportSelf());
        RegisteredNode[] others = [.. input.Members.Where(n => n.Number != Number)];
        long deadline = _time.GetTimestamp() + TicksOf(_options.Diagnosis.AnswerTimeout);
        Task<PeerReply>[] asked =
        [
            .. others.Select(n => _calls.CallAsync(n.Number, PeerChannel.Control, PeerMethod.Diagnose, default, deadline).AsTask()),
        ];
        for (int i = 0; i < others.Length; i++)
        {
            PeerReply reply = await asked[i].ConfigureAwait(false);
            NodeReport? report = reply.IsOk ? NodeReportBytes.TryDecode(reply.Body.Span) : null;
            if (report is not null && report.Node == others[i].Number) input.Add(report);
            else input.AddFailure(others[i].Number, WhyNoReport(reply));
        }

        return input;
    }

    private string WhyNoReport(PeerReply reply) => reply.Status switch
    {
        PeerReplyStatus.Ok => "its answer cannot be read: another version",
        PeerReplyStatus.Refused => Encoding.UTF8.GetString(reply.Body.Span),
        PeerReplyStatus.NotSent => "there is no connection to it",
        PeerReplyStatus.Lost => "it fell silent, or restarted just now",
        _ => $"no answer within {FindingWords.Span(_options.Diagnosis.AnswerTimeout)}",
    };

    private void ServeDiagnosis() => _calls.Handle(
        PeerMethod.Diagnose, _ => ValueTask.FromResult(PeerReply.Ok(NodeReportBytes.Encode(ReportSelf()))));

    private NodeReport ReportSelf()
    {
        long now = _time.GetTimestamp();
        (int syncs, TimeSpan p99, TimeSpan longest) = _writer.Syncs.Look(now);
        _ = _host.Liveness.TryClockLead(ClockReading.Of(_time), out long clockLeadMs);
        bool leadsMeta = _failure.Reason is null && IsNetworked && _metaLeader.IsLeading();
        return new NodeReport
        {
            Node = Number,
            Version = Version,
            BootEpoch = BootEpoch,
            UptimeMs = (long)_time.GetElapsedTime(_startedAt, now).TotalMilliseconds,
            NotReady = NotReadyReason ?? "",
            StallMs = (long)_writer.Stalled(now).TotalMilliseconds,
            IsDiskWell = IsDiskWell,
            DiskFull = _writer.DiskFull ?? Volatile.Read(ref _diskFull) ?? "",
            FreeBytes = FreeBytes(),
            ReserveBytes = _options.DiskReserveBytes,
            Syncs = syncs,
            SyncP99Us = (long)p99.TotalMicroseconds,
            SyncMaxUs = (long)longest.TotalMicroseconds,
            ClockLeadMs = clockLeadMs,
            CertificateEndsMs = _options.CertificateEnds?.Invoke()?.ToUnixTimeMilliseconds() ?? 0,
            UnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds(),
            BacklogBytes = _pipeline.BacklogBytes,
            BacklogBytesMax = _options.ApplyBacklogBytesMax,
            Unheard = [.. _host.Liveness.Peers.Where(n => !_host.Liveness.IsHeard(n))],
            Replicas = [.. _log.Groups.Select(ReportOf)],
            LeadsMeta = leadsMeta,
            Silent = leadsMeta ? SilentMembers() : [],
            Moves = leadsMeta
                ? [.. _driver.Moves.Select(static m => new MoveReport(m.Shard, m.Words, (long)m.Stands.TotalMilliseconds))]
                : [],
            ReplicationFactor = leadsMeta ? _meta.Store.Read().Settings?.ReplicationFactor ?? 0 : 0,
            EffectiveFactor = leadsMeta ? _meta.Store.Read().Settings?.EffectiveFactor ?? 0 : 0,
            DeadAfterMs = (long)_options.Placement.DeadAfter.TotalMilliseconds,
        };
    }

    private ReplicaReport ReportOf(RaftGroup group)
    {
        GroupStatus status = group.Published;
        return new ReplicaReport(
            group.Shard, status.Role == Raft.RaftRole.Leader, group.Core.IsDamaged, status.LeaderNode, status.Term, status.Last,
            _replicas.Stopped(group.Shard) ?? "");
    }

    private (NodeNumber Node, long SilentMs)[] SilentMembers() =>
    [
        .. Table.Current.Nodes.Where(static n => n.IsMember)
            .Select(n => (n.Number, (long)_metaLeader.SilenceOf(n.Number).TotalMilliseconds))
            .Where(s => s.Item2 >= _options.Placement.SilentAfter.TotalMilliseconds),
    ];

    private long FreeBytes()
    {
        try
        {
            return _options.FileSystem.FreeBytes(_options.DataDirectory);
        }
        catch (StorageException)
        {
            return -1;
        }
    }
}
