using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

// The failure detector: SWIM §3.1 and §4.3, Lifeguard §IV-A.
public sealed partial class SwimCore
{
    private readonly List<Probe> _probes = [];
    private readonly List<Relay> _relays = [];
    private uint _sequence;

    private void BeginPeriod()
    {
        // The period is counted from its due time, so that lateness does not add up; after a gap it starts afresh.
        _nextProbe = Math.Max(_nextProbe + _health.Scale(_config.ProbeIntervalTicks), _now + 1);
        if (_isLeaving) return;
        for (int i = _order.Count; i > 0; i--)
        {
            Member target = _order.Next()!;
            if (target.IsActive && !IsProbing(target))
            {
                BeginProbe(target);
                return;
            }
        }
    }

    private void BeginProbe(Member target)
    {
        if (_probes.Count >= _config.ProbesMax) return;
        Counts.Probes++;
        Probe probe = new()
        {
            Target = target,
            Sequence = ++_sequence,
            Incarnation = target.Incarnation,
            StartedAt = _now,
            DirectDeadline = _now + _health.Scale(_config.ProbeTimeoutTicks),
            Deadline = _now + _health.Scale(_config.ProbeIntervalTicks),
        };
        _probes.Add(probe);
        SendPing(target.Address, target.IdBytes, target, probe.Sequence);
    }

    private bool IsProbing(Member target)
    {
        foreach (Probe probe in _probes)
        {
            if (probe.Target == target) return true;
        }

        return false;
    }

    private void StepProbes()
    {
        for (int i = _probes.Count - 1; i >= 0; i--)
        {
            Probe probe = _probes[i];
            if (!probe.Target.IsActive)
            {
                _probes.RemoveAt(i);
                continue;
            }

            if (!probe.IsIndirect && _now >= probe.DirectDeadline) AskOthers(probe);
            if (_now < probe.Deadline) continue;
            _probes.RemoveAt(i);
            FailProbe(probe);
        }
    }

    /// <summary>"selects k members at random and sends each a ping-req(Mj) message" (SWIM §3.1).</summary>
    private void AskOthers(Probe probe)
    {
        probe.IsIndirect = true;
        _members.Pick(
            _prng,
            _config.IndirectProbes,
            m => m.State == MemberState.Alive && m != _self && m != probe.Target,
            _picked);
        probe.Relays = _picked.Count;
        foreach (Member relay in _picked)
        {
            Begin(MessageKind.PingReq, probe.Sequence);
            _writer.Text(probe.Target.IdBytes);
            _writer.Text(probe.Target.AddressBytes);
            SendWithUpdates(relay.Address);
        }

        if (!_config.StreamProbes) return;
        Begin(MessageKind.Ping, probe.Sequence);
        _writer.Text(probe.Target.IdBytes);
        _writer.BeginUpdates();
        probe.StreamNumber = RequestStream(probe.Target.Address, StreamPurpose.Probe, _writer.Finish());
    }

    private void FailProbe(Probe probe)
    {
        Counts.FailedProbes++;

        // Relays that say they heard nothing either clear this node: then the target is the one that is silent.
        _health.Add(probe.Relays > 0 ? probe.Relays - probe.Nacks : 1);

        // The incarnation that was asked: one that spoke up meanwhile under a higher one is not accused.
        Suspect(probe.Target, probe.Incarnation, _self.IdBytes);
    }

    private void OnAck(ref MessageReader message)
    {
        if (TryFinishProbe(message.Sequence, message.Sender, isStream: false)) return;
        for (int i = 0; i < _relays.Count; i++)
        {
            Relay relay = _relays[i];
            if (relay.Sequence != message.Sequence || !message.Sender.SequenceEqual(relay.Target)) continue;
            _relays.RemoveAt(i);

            // The requester matches an ack by target and number, so the relay answers in the target's name.
            _writer.Begin(MessageKind.Ack, _cluster, relay.Target, message.Instance, message.Health, relay.RequesterSequence);
            SendWithUpdates(relay.Requester);
            return;
        }

        Counts.Drop(MessageDrop.Unexpected);
    }

    private bool TryFinishProbe(uint sequence, ReadOnlySpan<byte> target, bool isStream)
    {
        for (int i = 0; i < _probes.Count; i++)
        {
            Probe probe = _probes[i];
            if (probe.Sequence != sequence || !target.SequenceEqual(probe.Target.IdBytes)) continue;
            _probes.RemoveAt(i);
            _health.Add(-1);
            if (!isStream && !probe.IsIndirect) Ready.RoundTrips.Add(_now - probe.StartedAt);
            return true;
        }

        return false;
    }

    private void OnNack(ref MessageReader message)
    {
        foreach (Probe probe in _probes)
        {
            if (probe.Sequence != message.Sequence || !probe.IsIndirect) continue;
            probe.Nacks = Math.Min(probe.Nacks + 1, probe.Relays);
            return;
        }

        Counts.Drop(MessageDrop.Unexpected);
    }

    private void OnPing(string source, ref MessageReader message)
    {
        if (!message.Target.SequenceEqual(_self.IdBytes))
        {
            // Somebody else lived at this address: its silence must not be hidden by our answer.
            Counts.Drop(MessageDrop.Misdirected);
            return;
        }

        Member? sender = _members.Find(message.Sender);
        if (sender is not null && _config.SharedTurns && message.Health == 0) _order.TakeTurn(sender);
        Begin(MessageKind.Ack, message.Sequence);
        SendWithUpdates(source, about: sender, isAnswer: true);
    }

    private void OnPingReq(string source, ref MessageReader message)
    {
        if (_relays.Count >= _config.RelaysMax || _isLeaving) return;
        Member? target = _members.Find(message.Target);
        Relay relay = new()
        {
            Requester = source,
            RequesterSequence = message.Sequence,
            Sequence = ++_sequence,
            Target = message.Target.ToArray(),
            NackDeadline = _now + (_config.ProbeTimeoutTicks * 4 / 5),
            Deadline = _now + (2 * _config.ProbeIntervalTicks),
        };
        _relays.Add(relay);
        SendPing(System.Text.Encoding.ASCII.GetString(message.Address), relay.Target, target, relay.Sequence);
    }

    private void StepRelays()
    {
        for (int i = _relays.Count - 1; i >= 0; i--)
        {
            Relay relay = _relays[i];
            if (!relay.IsNacked && _now >= relay.NackDeadline)
            {
                relay.IsNacked = true;
                Begin(MessageKind.Nack, relay.RequesterSequence);
                SendWithUpdates(relay.Requester);
            }

            if (_now >= relay.Deadline) _relays.RemoveAt(i);
        }
    }

    private void SendPing(string address, ReadOnlySpan<byte> id, Member? target, uint sequence)
    {
        Begin(MessageKind.Ping, sequence);
        _writer.Text(id);
        SendWithUpdates(address, target);
    }
}
