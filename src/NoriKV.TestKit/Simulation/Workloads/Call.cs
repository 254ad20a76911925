using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Workloads;

/// <summary>One operation of one client from its call to its end, over all its attempts.</summary>
internal sealed record Call
{
    public required int Client { get; init; }

    public required ClientOperation Operation { get; init; }

    /// <summary>When it was called, in ticks.</summary>
    public required long Called { get; init; }

    /// <summary>When it ended, in ticks; <see cref="long.MaxValue"/> while nobody knows.</summary>
    public long Returned { get; set; } = long.MaxValue;

    /// <summary>The last answer; null where none came or none counts.</summary>
    public ClientAnswer? Answer { get; set; }

    /// <summary>True: some attempt may have been done although nobody said so.</summary>
    public bool IsUnknown { get; set; }

    /// <summary>True: certainly not done.</summary>
    public bool WasNotDone { get; set; }

    /// <summary>True where an answer counts: done, or refused by its condition.</summary>
    public bool IsKnown => Returned != long.MaxValue && !IsUnknown && !WasNotDone;

    /// <summary>True where it changed what it wanted to change.</summary>
    public bool Succeeded => IsKnown && Answer is { Error: null };

    /// <summary>The version written; none where it is not known.</summary>
    public KvVersion Version => Succeeded && Operation.IsWrite ? Answer!.Items[0].Version : KvVersion.None;

    public override string ToString() =>
        $"client {Client} [{Ticks.Text(Called)}, {(Returned == long.MaxValue ? "?" : Ticks.Text(Returned))}] {Operation}"
        + $" -> {(IsUnknown ? "unknown" : WasNotDone ? "not done" : Answer?.Error?.Code.ToString() ?? "ok")}"
        + $" {string.Join(',', Answer?.Items.Select(i => $"{i.Value}@{i.Version}") ?? [])}";
}
