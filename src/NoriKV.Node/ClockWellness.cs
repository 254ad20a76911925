using Nori.Observe;

namespace NoriKV.Node;

/// <summary>This node's wall clock went too far from the others', so that it gives up leadership, or came back.</summary>
public readonly record struct ClockWellness(bool IsWell, long LeadMs) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "ClockWellness";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("well", IsWell ? 1 : 0);
        fields.Add("lead_ms", LeadMs);
    }
}
