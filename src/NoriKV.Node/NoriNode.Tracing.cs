using Nori.Observe;
using NoriKV.Node.Entries;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Routing;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>Requests that are traced or slow: where they went and how long each stage took (docs/observability.md).</summary>
public sealed partial class NoriNode
{
    private string NameOf(NodeNumber node) => node == Self ? _options.NodeName : _directory.NameOf(node);

    /// <summary>The probe of a request that began here; null where it is not traced.</summary>
    private RequestProbe? Traced(RequestContext context, RequestOperation operation, ShardId? shard) =>
        context.Probe is { } probe ? Named(probe, operation, shard) : null;

    private RequestProbe Named(RequestProbe probe, RequestOperation operation, ShardId? shard)
    {
        (probe.Operation, probe.Shard) = (operation.ToString().ToLowerInvariant(), shard);
        probe.Here = _options.NodeName;
        if (probe.Node.Length == 0) probe.Node = _options.NodeName;
        if (probe.ServedBy.Length == 0) probe.ServedBy = _options.NodeName;
        return probe;
    }

    /// <summary>A probe for a request that turns out to be slow only now: what was not stamped is part of what follows.</summary>
    private RequestProbe? IfSlow(RequestProbe? probe, RequestOperation operation, ShardId? shard, long began) =>
        probe is null && SlowOperations.IsSlow(began, _time.GetTimestamp())
            ? Named(new RequestProbe(_time, began), operation, shard)
            : probe;

    /// <summary>The request is over: a slow one is counted and noted.</summary>
    private void NoteIfSlow(RequestProbe? probe, RequestOperation operation, ShardId? shard, long began, KvError? error)
    {
        long now = _time.GetTimestamp();
        if (!SlowOperations.IsSlow(probe?.BeganAt ?? began, now) || !SlowOperations.Count(operation)) return;
        probe ??= Named(new RequestProbe(_time, began), operation, shard);
        if (error is not null) probe.Status = error.Code.ToLabel();
        SlowOperations.Note(probe.Snapshot(now));
    }

    /// <summary>A write of another node's client is proposed or refused: told, and noted here, too, where it was slow here.</summary>
    private void NoteForwarded(RequestProbe? probe, Proposal proposal, NodeNumber from, long began, KvError? error)
    {
        if (probe is not null) Named(probe, OperationOf(proposal), proposal.Shard);
        else if (!SlowOperations.IsSlow(began, _time.GetTimestamp())) return;
        probe ??= Named(new RequestProbe(_time, began) { Node = NameOf(from) }, OperationOf(proposal), proposal.Shard);
        Tell(probe, proposal);
        NoteIfSlow(probe, OperationOf(proposal), proposal.Shard, began, error);
    }

    private static RequestOperation OperationOf(Proposal proposal) =>
        EntryReader.TryDecode(proposal.Envelope, out DecodedEntry entry, out _) ? OperationOf(entry.Operations) : RequestOperation.Batch;

    /// <summary>A read was served here, perhaps for another node: one that turns out to be slow only now is told from its stamps.</summary>
    private void NoteRead(
        RequestProbe? probe, RequestOperation operation, ShardId shard, in ReadBarrier barrier, long began, KvError? error,
        NodeNumber from = default)
    {
        if (!SlowOperations.IsSlow(began, _time.GetTimestamp())) return;
        if (probe is null)
        {
            var late = new RequestProbe(_time, began) { Node = from.Value == 0 ? "" : NameOf(from) };
            probe = Named(late, operation, shard);
            Tell(probe, barrier);
            if (error is null) Tell(probe, StageNames.Lookup);
        }

        NoteIfSlow(probe, operation, shard, began, error);
    }

    private void Tell(RequestProbe? probe, Proposal proposal)
    {
        if (probe is not null) WriteStory.Tell(probe, proposal, _options.NodeName, NameOf, _time.GetTimestamp());
    }

    private void Tell(RequestProbe? probe, in ReadBarrier barrier)
    {
        if (probe is not null) ReadStory.Tell(probe, barrier, _options.NodeName, _time.GetTimestamp());
    }

    private void Tell(RequestProbe? probe, string stage, string detail = "") =>
        probe?.Add(stage, _options.NodeName, _time.GetTimestamp(), detail);

    /// <summary>
    /// A try that another node, or this one, took part in: a request that turns out to be slow only now gets a probe, so that
    /// further tries are traced.
    /// </summary>
    private RequestProbe? ToldTry(
        RequestProbe? probe, RequestOperation operation, ShardId shard, long received, long tried, NodeNumber target, KvError? error)
    {
        if (probe is not null || (probe = IfSlow(null, operation, shard, received)) is null) return probe;
        long now = _time.GetTimestamp();
        string why = error?.Code.ToLabel() ?? "";
        probe.Add(StageNames.Route, _options.NodeName, tried);
        if (target.Value == 0 || target == Self) probe.Add(StageNames.Queue, _options.NodeName, now, why);
        else probe.AddCall(NameOf(target), now, null, why);
        return probe;
    }

    /// <summary>Forwards a traced request; what the answer tells of its stages is taken off.</summary>
    private async ValueTask<(PeerReply Reply, RemoteTrace? Told)> ForwardTracedAsync(
        NodeNumber target, PeerMethod plain, ReadOnlyMemory<byte> body, long by, RequestProbe probe,
        CancellationToken cancellationToken)
    {
        Tell(probe, StageNames.Route);
        byte[] head = new byte[TracedCall.HeadBytesMax];
        int length = TracedCall.WriteHead(head, probe.Span?.Context ?? default);
        PeerMethod method = plain == PeerMethod.Write ? PeerMethod.TracedWrite : PeerMethod.TracedRead;
        PeerReply reply = await ForwardAsync(
            target, method, head.AsSpan(0, length), body, by, cancellationToken).ConfigureAwait(false);
        RemoteTrace? remote = null;
        if (reply.IsOk)
        {
            // What cannot be read is for the reader of the answer to refuse.
            bool isRead = TracedCall.TryReadAnswer(reply.Body, out remote, out ReadOnlyMemory<byte> answer);
            if (isRead) reply = reply with { Body = answer };
        }

        // Nothing was done: it may be a node of an earlier version, which does not know the method.
        if (reply.Status == PeerReplyStatus.Refused)
        {
            reply = await ForwardAsync(target, plain, default, body, by, cancellationToken).ConfigureAwait(false);
        }

        return (reply, remote);
    }

    private ValueTask<PeerReply> ServeTracedWriteAsync(PeerRequest request) =>
        ServeTracedAsync(request, RequestOperation.Put, "norikv.Forward/Write", ServeWriteAsync);

    private ValueTask<PeerReply> ServeTracedReadAsync(PeerRequest request) =>
        ServeTracedAsync(request, RequestOperation.Get, "norikv.Forward/Read", ServeReadAsync);

    private async ValueTask<PeerReply> ServeTracedAsync(
        PeerRequest request, RequestOperation operation, string name,
        Func<PeerRequest, RequestProbe, ValueTask<PeerReply>> serve)
    {
        long began = _time.GetTimestamp();
        if (!TracedCall.TryRead(request.Body, out TraceContext caller, out ReadOnlyMemory<byte> body))
        {
            return PeerReply.Refuse("a traced call that cannot be read");
        }

        Span? span = caller.IsNone ? null : _options.Tracer?.Begin(name, SpanKind.Server, caller);
        RequestProbe probe = Named(
            new RequestProbe(_time, span?.StartedAt ?? began, span) { Node = NameOf(request.From) }, operation, null);
        probe.ServedBy = _options.NodeName;
        PeerReply reply = await serve(request with { Body = body }, probe).ConfigureAwait(false);
        RequestTrace trace = probe.End();
        return reply.IsOk ? reply with { Body = TracedCall.Answer(trace, reply.Body.Span) } : reply;
    }
}
