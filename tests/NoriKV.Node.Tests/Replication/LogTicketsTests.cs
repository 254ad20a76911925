using NoriKV.Node.Replication;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Tickets and places: whatever a write's batches straddle, the log is never let go of before its ticket is flushed.</summary>
public sealed class LogTicketsTests
{
    private const ulong Base = (1UL << 32) | 9000;

    private static ulong Place(ulong segment, ulong offset) => (segment << 32) | offset;

    [Fact]
    public void What_was_there_at_the_start_is_its_own_ticket()
    {
        var tickets = new LogTickets(Base);
        Assert.Equal(Base, tickets.Base);
        Assert.Equal(Place(1, 100), tickets.PlaceOf(Place(1, 100)));
        Assert.Equal(Place(1, 100), tickets.TicketOf(Place(1, 100)));
        // Not written yet: it will lie behind what is there.
        Assert.Equal(Base, tickets.PlaceOf(Base + 5));
    }

    [Fact]
    public void A_request_that_straddles_segments_holds_the_one_it_begins_in()
    {
        var tickets = new LogTickets(Base);
        // Requests 1 and 2 in segment 2; 3 begins there and goes on in 3, where 4 follows.
        tickets.NoteWritten(Base + 1, Place(2, 8192));
        tickets.NoteWritten(Base + 3, Place(2, 20_000));
        tickets.NoteWritten(Base + 4, Place(3, 8192));
        tickets.NoteWritten(Base + 4, Place(3, 12_000));
        foreach (ulong ticket in new ulong[] { 1, 2, 3 }) Assert.Equal(Place(2, 0), tickets.PlaceOf(Base + ticket));
        Assert.Equal(Place(3, 0), tickets.PlaceOf(Base + 4));
        Assert.Equal(Place(3, 0), tickets.PlaceOf(Base + 9));

        // Read back: of whichever ticket it was, the one it is given holds the log no further than where it lies.
        Assert.Equal(Base + 1, tickets.TicketOf(Place(2, 20_100)));
        Assert.Equal(Base + 4, tickets.TicketOf(Place(3, 9000)));
        foreach (ulong place in new[] { Place(2, 8192), Place(2, 30_000), Place(3, 8192), Place(3, 12_000) })
            Assert.True(tickets.PlaceOf(tickets.TicketOf(place)) <= place);
    }

    [Fact]
    public void A_batch_that_only_goes_on_with_a_request_begins_none()
    {
        var tickets = new LogTickets(Base);
        tickets.NoteWritten(Base + 1, Place(2, 8192));
        // Segment 3 holds nothing but the middle of request 1: its first ticket is the next one.
        tickets.NoteWritten(Base + 2, Place(3, 8192));
        tickets.NoteWritten(Base + 2, Place(4, 8192));
        Assert.Equal(Place(2, 0), tickets.PlaceOf(Base + 1));
        // Ticket 2 begins in segment 4 at the earliest by what was noted last, in 3 by what was noted first: the earlier counts.
        Assert.True(tickets.PlaceOf(Base + 2) <= Place(4, 0));
        Assert.True(tickets.TicketOf(Place(3, 9000)) >= Base + 1);
    }

    [Fact]
    public void What_is_forgotten_leaves_the_rest_as_it_was()
    {
        var tickets = new LogTickets(Base);
        for (ulong segment = 2; segment < 8; segment++) tickets.NoteWritten(Base + (segment * 10), Place(segment, 8192));
        tickets.Forget(Place(5, 0));
        for (ulong segment = 5; segment < 8; segment++)
        {
            Assert.Equal(Place(segment, 0), tickets.PlaceOf(Base + (segment * 10) + 3));
            Assert.Equal(Base + (segment * 10), tickets.TicketOf(Place(segment, 10_000)));
        }

        tickets.Forget(Place(100, 0));
        Assert.Equal(Place(7, 0), tickets.PlaceOf(Base + 75));
    }
}
