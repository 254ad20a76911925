namespace NoriKV.Node.Replication;

/// <summary>
/// Numbers for writes of the log, known before they are written. An entry may be applied while the local write of it still
/// waits, so the engine's watermarks are not places in the log but these. A number at or below the base is a place: it is
/// of an entry that was there, durable, at the start.
/// </summary>
/// <remarks>Thread-safe: the lock guards the list, of one item for each segment.</remarks>
internal sealed class LogTickets(ulong durableAtStart)
{
    private readonly Lock _lock = new();
    private readonly List<(ulong Ticket, ulong Place)> _segments = [];

    /// <summary>The last place that was durable at the start.</summary>
    public ulong Base { get; } = durableAtStart;

    /// <summary>The write with this ticket begins at that place of the log, or behind it.</summary>
    public void NoteWritten(ulong ticket, ulong place)
    {
        ulong segment = (place >> 32) << 32;
        lock (_lock)
        {
            // Tickets rise and so do places; the first one in a segment is enough to know which segment is needed.
            if (_segments.Count > 0 && _segments[^1].Place == segment) return;
            _segments.Add((ticket, segment));
        }
    }

    /// <summary>Nothing of this ticket, or of a later one, lies before that place.</summary>
    public ulong PlaceOf(ulong ticket)
    {
        if (ticket <= Base) return ticket;
        lock (_lock)
        {
            int segment = _segments.FindLastIndex(s => s.Ticket <= ticket);
            return segment < 0 ? Base : _segments[segment].Place;
        }
    }

    /// <summary>A ticket for an entry read back from its place: durable, and holding the log no further than there.</summary>
    public ulong TicketOf(ulong place)
    {
        if (place <= Base) return place;
        lock (_lock)
        {
            int segment = _segments.FindLastIndex(s => s.Place <= place);
            return segment < 0 ? Base : _segments[segment].Ticket;
        }
    }

    /// <summary>Segments before the place are gone.</summary>
    public void Forget(ulong place)
    {
        lock (_lock)
        {
            while (_segments.Count > 1 && _segments[1].Place <= place) _segments.RemoveAt(0);
        }
    }
}
