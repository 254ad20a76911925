using System.Text;
using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

// What arrives and what goes over streams: joins, full exchanges, attempts to reach the failed, other lives of ours.
public sealed partial class SwimCore
{
    /// <summary>Stream requests out at once.</summary>
    public const int StreamsMax = 64;

    private readonly List<(long Number, StreamPurpose Purpose, string Address)> _streams = [];
    private long _streamNumber;
    private long _otherLifeAskedAt = long.MinValue;

    /// <summary>The largest message that may be on a stream under these settings.</summary>
    public int StateBytesMax =>
        MessageWriter.OverheadBytesMax
        + (_config.MembersMax * (MessageWriter.UpdateBytesMax(_config.MetadataBytesMax) + (2 * (MemberId.LengthMax + 12))));

    /// <summary>Takes a datagram; false when it was dropped (and counted).</summary>
    /// <param name="now">The time in ticks.</param>
    /// <param name="source">Where it came from, host:port; answers go there.</param>
    /// <param name="message">Its bytes, unsealed.</param>
    public bool OnDatagram(long now, string source, ReadOnlySpan<byte> message)
    {
        Advance(now);
        if (!TryRead(message, out MessageReader reader)) return false;
        if (reader.Kind is MessageKind.State or MessageKind.StateReply)
            return Counts.Drop(MessageDrop.Misdirected) == MessageDrop.None;
        if (IsOtherLife(reader, source)) return true;
        _corrections.Clear();
        ApplyAll(ref reader, isFullState: false);
        switch (reader.Kind)
        {
            case MessageKind.Ping:
                OnPing(source, ref reader);
                break;
            case MessageKind.Ack:
                OnAck(ref reader);
                break;
            case MessageKind.PingReq:
                OnPingReq(source, ref reader);
                break;
            case MessageKind.Nack:
                OnNack(ref reader);
                break;
        }

        if (_corrections.Count == 0) return true;
        Begin(MessageKind.Gossip, 0);
        SendWithUpdates(source, isAnswer: true);
        return true;
    }

    /// <summary>Takes a request that came over a stream; the answer to send, or null to close it.</summary>
    public byte[]? OnStreamRequest(long now, ReadOnlySpan<byte> message)
    {
        Advance(now);
        if (!TryRead(message, out MessageReader reader)) return null;
        if (reader.Kind == MessageKind.Ping && reader.Target.SequenceEqual(_self.IdBytes))
        {
            ApplyAll(ref reader, isFullState: false);
            Begin(MessageKind.Ack, reader.Sequence);
            _writer.BeginUpdates();
            return _writer.Finish();
        }

        if (reader.Kind != MessageKind.State || reader.Sender.SequenceEqual(_self.IdBytes))
        {
            Counts.Drop(MessageDrop.Misdirected);
            return null;
        }

        // Our own view first: a claim about ourselves in theirs is then answered by the refutation it causes.
        ApplyAll(ref reader, isFullState: true);
        return WriteState(MessageKind.StateReply);
    }

    /// <summary>Takes the answer to a stream request.</summary>
    public void OnStreamReply(long now, long number, ReadOnlySpan<byte> message)
    {
        Advance(now);
        if (!TryEndStream(number, out StreamPurpose purpose, out string address)) return;
        bool ok = TryRead(message, out MessageReader reader);
        if (ok && purpose == StreamPurpose.Probe && reader.Kind == MessageKind.Ack)
        {
            ApplyAll(ref reader, isFullState: false);
            TryFinishProbe(reader.Sequence, reader.Sender, isStream: true);
        }
        else if (ok && purpose != StreamPurpose.Probe && reader.Kind == MessageKind.StateReply)
        {
            ok = !IsOtherLife(reader, address);
            if (ok) ApplyAll(ref reader, isFullState: true);
        }
        else
        {
            ok = false;
        }

        if (purpose == StreamPurpose.Join) Ready.Joins.Add((address, ok));
    }

    /// <summary>Takes that a stream request came to nothing.</summary>
    public void OnStreamFailed(long now, long number)
    {
        Advance(now);
        if (TryEndStream(number, out StreamPurpose purpose, out string address) && purpose == StreamPurpose.Join)
            Ready.Joins.Add((address, false));
    }

    /// <summary>Exchanges everything with a seed; how it went comes in <see cref="SwimReady.Joins"/>.</summary>
    public void Join(long now, string address)
    {
        Advance(now);
        if (RequestStream(address, StreamPurpose.Join, WriteState(MessageKind.State)) < 0)
            Ready.Joins.Add((address, false));
    }

    private bool TryRead(ReadOnlySpan<byte> message, out MessageReader reader)
    {
        MessageDrop drop = MessageReader.TryRead(message, _config.MetadataBytesMax, out reader);
        if (drop == MessageDrop.None && !reader.Cluster.SequenceEqual(_cluster)) drop = MessageDrop.ForeignCluster;
        return Counts.Drop(drop) == MessageDrop.None;
    }

    private void ApplyAll(ref MessageReader reader, bool isFullState)
    {
        while (reader.TryNext(out MemberUpdate update)) Apply(update, isFullState);
    }

    /// <summary>True for a message under our own id from a process that is not this one: two live nodes, one id.</summary>
    private bool IsOtherLife(in MessageReader reader, string source)
    {
        if (!reader.Sender.SequenceEqual(_self.IdBytes) || reader.Instance == _self.Instance) return false;
        Ready.Events.Add(new SwimEvent(
            SwimEventKind.IdClash, _self.View with { Address = source, Instance = reader.Instance }));
        if (reader.Kind == MessageKind.Ping)
        {
            // The other one is told too.
            Begin(MessageKind.Ack, reader.Sequence);
            _writer.BeginUpdates();
            Ready.Datagrams.Add(new OutgoingDatagram(source, _writer.Finish()));
        }

        return true;
    }

    /// <summary>
    /// An Alive under our id that is not ours: mostly our own former life. Asking its address tells: only a live one
    /// answers. At most one question in ten periods.
    /// </summary>
    private void NoteOtherLife(in MemberUpdate update)
    {
        if (update.Address.SequenceEqual(_self.AddressBytes)) return;
        if (_otherLifeAskedAt != long.MinValue && _now - _otherLifeAskedAt < 10 * _config.ProbeIntervalTicks) return;
        _otherLifeAskedAt = _now;
        Begin(MessageKind.Ping, ++_sequence);
        _writer.Text(_self.IdBytes);
        _writer.BeginUpdates();
        Ready.Datagrams.Add(new OutgoingDatagram(Encoding.ASCII.GetString(update.Address), _writer.Finish()));
    }

    private void PushPull()
    {
        // Above 32 members less often, so that the bytes a member exchanges stay bounded as the state grows.
        int factor = (int)Math.Max(1, Math.Ceiling(Math.Log2(Math.Max(1, _members.ActiveCount / 32.0))) + 1);
        _nextPushPull = _now + (factor * _config.PushPullIntervalTicks);
        if (_isLeaving) return;
        _members.Pick(_prng, 1, m => m.State == MemberState.Alive && m != _self, _picked);
        if (_picked.Count > 0) Exchange(_picked[0]);
    }

    /// <summary>
    /// A failed member may only have been cut off. All members together try each failed one about four times an
    /// interval, however many they are.
    /// </summary>
    private void Reconnect()
    {
        _nextReconnect = _now + _config.ReconnectIntervalTicks;
        if (_isLeaving) return;
        int failed = _members.CountOf(MemberState.Failed);
        if (failed == 0 || !_prng.Chance(4.0 * failed / _members.ActiveCount)) return;
        _members.Pick(_prng, 1, static m => m.State == MemberState.Failed && m.Address.Length > 0, _picked);
        if (_picked.Count > 0) Exchange(_picked[0]);
    }

    private void Exchange(Member member) =>
        RequestStream(member.Address, StreamPurpose.Exchange, WriteState(MessageKind.State));

    private byte[] WriteState(MessageKind kind)
    {
        MessageWriter writer = new(StateBytesMax);
        writer.Begin(kind, _cluster, _self, _health.Score, 0);
        writer.BeginUpdates();
        for (int i = 0; i < _members.Count; i++)
        {
            Member member = _members[i];
            bool fits = member.State != MemberState.Suspect || writer.TryAppendDescription(member);
            fits &= writer.TryAppend(member);
            Invariant.Assert(fits);
        }

        return writer.Finish();
    }

    private long RequestStream(string address, StreamPurpose purpose, byte[] payload)
    {
        if (_streams.Count >= StreamsMax || address.Length == 0) return -1;
        _streams.Add((++_streamNumber, purpose, address));
        Ready.Streams.Add(new StreamRequest(_streamNumber, address, payload));
        return _streamNumber;
    }

    private bool TryEndStream(long number, out StreamPurpose purpose, out string address)
    {
        (purpose, address) = (default, string.Empty);
        for (int i = 0; i < _streams.Count; i++)
        {
            if (_streams[i].Number != number) continue;
            (_, purpose, address) = _streams[i];
            _streams.RemoveAt(i);
            return true;
        }

        return false;
    }
}
