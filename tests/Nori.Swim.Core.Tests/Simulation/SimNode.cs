namespace Nori.Swim.Core.Tests.Simulation;

internal sealed class SimNode(string id, string address, SwimCore core)
{
    public string Id { get; } = id;

    public string Address { get; } = address;

    public SwimCore Core { get; } = core;

    public bool IsDead { get; set; }

    public long PausedUntil { get; set; }

    /// <summary>Each message in or out waits up to so long here: a process starved of its processor.</summary>
    public long SlowTicks { get; set; }

    public long ScheduledAt { get; set; } = -1;

    public Queue<Action> Waiting { get; } = new();

    public List<(long At, SwimEvent Event)> Events { get; } = [];

    public List<(string Address, bool Succeeded)> Joins { get; } = [];

    public long SentDatagrams { get; set; }

    public long SentBytes { get; set; }

    public MemberState? Sees(SimNode other) => Core.Find(new MemberId(other.Id))?.State;
}
