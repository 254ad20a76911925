using Nori.Observe;
using Nori.Swim.Core;
using Nori.Swim.Core.Wire;
using Nori.Swim.Sealing;

namespace Nori.Swim;

/// <summary>The node's series, made once.</summary>
internal sealed class SwimMetrics
{
    private readonly Gauge[] _members;
    private readonly Counter _probes;
    private readonly Counter _failed;
    private readonly Counter _flaps;
    private readonly Counter _clashes;
    private readonly Histogram _roundTrip;
    private readonly Counter[] _seals;
    private readonly Counter[] _drops;
    private readonly long[] _dropsSeen;
    private long _probesSeen, _failedSeen, _flapsSeen;

    public SwimMetrics(IMeter meter)
    {
        _members = Enum.GetValues<MemberState>()
            .Select(s => meter.Gauge("swim_members", "Members by state.", new Label("state", Word(s))))
            .ToArray();
        _probes = meter.Counter("swim_probes_total", "Probes begun.");
        _failed = meter.Counter("swim_failed_members_total", "Members held to be dead.");
        _flaps = meter.Counter("swim_flaps_total", "Members held dead that came back as the same process.");
        _clashes = meter.Counter("swim_id_clashes_total", "Messages of another process under this node's id.");
        _roundTrip = meter.Histogram(
            "swim_rtt_seconds", "Round trips of directly answered probes.", Buckets.Latency);
        const string help = "Datagrams and frames dropped, by reason.";
        // The first of each is no reason: it was not dropped.
        _seals = Enum.GetValues<SealResult>()
            .Skip(1)
            .Select(r => meter.Counter("swim_messages_dropped_total", help, new Label("reason", Word(r))))
            .ToArray();
        _drops = Enum.GetValues<MessageDrop>()
            .Skip(1)
            .Select(r => meter.Counter("swim_messages_dropped_total", help, new Label("reason", Word(r))))
            .ToArray();
        _dropsSeen = new long[_drops.Length];
    }

    public void Drop(SealResult reason) => _seals[(int)reason - 1].Add();

    public void Clash() => _clashes.Add();

    public void RoundTrip(long ticks) => _roundTrip.Record((double)ticks / SwimConfig.Second);

    public void Update(SwimCore core)
    {
        Rise(_probes, core.Counts.Probes, ref _probesSeen);
        Rise(_failed, core.Counts.FailedMembers, ref _failedSeen);
        Rise(_flaps, core.Counts.Flaps, ref _flapsSeen);
        for (int i = 0; i < _drops.Length; i++)
            Rise(_drops[i], core.Counts.Dropped((MessageDrop)(i + 1)), ref _dropsSeen[i]);
    }

    public void UpdateMembers(SwimCore core)
    {
        foreach (MemberState state in Enum.GetValues<MemberState>()) _members[(int)state - 1].Set(core.CountOf(state));
    }

    private static void Rise(Counter counter, long value, ref long seen)
    {
        if (value > seen) counter.Add(value - seen);
        seen = value;
    }

    private static string Word(Enum value) => value.ToString().ToLowerInvariant();
}
