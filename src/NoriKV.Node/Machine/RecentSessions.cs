namespace NoriKV.Node.Machine;

/// <summary>
/// The heads of the sessions that a shard heard of last, as the engine holds them or will with the round: what is found here need
/// not be looked up there. Nothing is decided by it that the engine would decide otherwise.
/// </summary>
/// <remarks>Owned by the shard's ledger, and gone with it: a snapshot makes a new one.</remarks>
internal sealed class RecentSessions
{
    /// <summary>Sessions of one shard that are kept; the one written longest ago goes.</summary>
    private const int SessionsMax = 8;

    private readonly List<Recent> _sessions = new(1);

    /// <summary>The session under a head's key; null where it is not known here.</summary>
    public Recent? Find(ReadOnlySpan<byte> headKey)
    {
        foreach (Recent recent in _sessions)
            if (headKey.SequenceEqual(recent.HeadKey)) return recent;
        return null;
    }

    /// <summary>The session, put in front of those that go.</summary>
    /// <param name="headKey">Its head's key; kept.</param>
    /// <param name="head">Its head.</param>
    /// <param name="isNew">The engine held no head of it before.</param>
    /// <param name="places">Of its window.</param>
    public Recent Keep(byte[] headKey, SessionHead head, bool isNew, int places)
    {
        Recent? recent = Find(headKey);
        if (recent is not null) _sessions.Remove(recent);
        else if (_sessions.Count == SessionsMax) _sessions.RemoveAt(0);
        // With an expired head all outcomes of the session have expired.
        if (recent is null || isNew) recent = new Recent(headKey, head, isNew ? new ulong[(places + 63) / 64] : null);
        _sessions.Add(recent);
        return recent;
    }

    /// <summary>A session.</summary>
    /// <param name="headKey">The engine key of its head.</param>
    /// <param name="head">Its head.</param>
    /// <param name="taken">Which places of its window were written; null where that is not known.</param>
    public sealed class Recent(byte[] headKey, SessionHead head, ulong[]? taken)
    {
        public byte[] HeadKey { get; } = headKey;

        public SessionHead Head { get; } = head;

        /// <summary>What the head counts for in the ledger.</summary>
        public int HeadBytes { get; set; }

        /// <summary>When the stored head expires, Unix ms.</summary>
        public long ExpiryUnixMs { get; set; }

        /// <summary>True when the place was never written since the session began.</summary>
        public bool IsFree(int place) => taken is not null && (taken[place / 64] & (1UL << (place % 64))) == 0;

        public void Take(int place)
        {
            if (taken is not null) taken[place / 64] |= 1UL << (place % 64);
        }
    }
}
