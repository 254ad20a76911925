namespace NoriKV.Node.Formation;

/// <summary>An address that is asked, and what is known of who lives there.</summary>
internal sealed class AskedNode(string address)
{
    public string Address { get; } = address;

    public bool IsSeed { get; init; }

    /// <summary>When it was asked last; 0 never.</summary>
    public long AskedAt { get; set; }

    /// <summary>The number of the last question; answers to older ones count, too, but end no wait.</summary>
    public long Question { get; set; }

    public bool IsWaiting { get; set; }

    /// <summary>The last answer; null for none.</summary>
    public IdentifyReply? Reply { get; set; }

    public long RepliedAt { get; set; }

    /// <summary>Why the last question had no answer; null when it had one.</summary>
    public string? Failure { get; set; }

    /// <summary>True once it answered or failed to.</summary>
    public bool IsTried => Reply is not null || Failure is not null;
}
