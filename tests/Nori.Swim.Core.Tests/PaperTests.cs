using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core.Tests;

/// <summary>Sentences of the papers (SWIM: DSN 2002; Lifeguard: arXiv 1707.00788), shortened, each held as a test.</summary>
public sealed class PaperTests
{
    private const long Second = SwimConfig.Second;
    private static readonly SwimConfig Config = new() { ClusterName = "test" };
    private static readonly SwimConfig Paper = Config.WithoutLifeguard();

    // SWIM §3.1: "During each protocol period [...] a random member is selected from Mi's membership list, say Mj, and a
    // ping message sent to it."
    [Fact]
    public void One_ping_is_sent_in_each_period()
    {
        Rig rig = new(5, Paper);
        List<Sent> pings = Answered(rig, 20).Where(s => s.Kind == MessageKind.Ping).ToList();
        Assert.InRange(pings.Count, 20, 21);
        Assert.All(pings.Zip(pings.Skip(1)), p => Assert.Equal(Second, p.Second.At - p.First.At));
    }

    // SWIM §3.1: "If this is not received within a prespecified time-out, Mi indirectly probes Mj. Mi selects k members
    // at random and sends each a ping-req(Mj) message."
    [Fact]
    public void Without_an_answer_k_others_are_asked_to_ping()
    {
        Rig rig = new(6, Paper);
        List<Sent> sent = rig.TickTo(2 * Second);
        Sent ping = sent.First(s => s.Kind == MessageKind.Ping);
        sent.RemoveAll(s => s.At != ping.At + (500 * SwimConfig.Millisecond));
        List<Sent> asked = sent.Where(s => s.Kind == MessageKind.PingReq).ToList();
        Assert.Equal(3, asked.Select(s => s.Address).Distinct().Count());
        Assert.All(asked, s => Assert.Equal(ping.Target, s.Target));
        Assert.DoesNotContain(asked, s => s.Address == ping.Address);
    }

    // SWIM §3.1: "Each of these members in turn [...] pings Mj and forwards the ack from Mj (if received) back to Mi."
    [Fact]
    public void One_that_is_asked_pings_and_forwards_the_answer()
    {
        Rig rig = new(4, Paper);
        Sent ping = Assert.Single(
            rig.Receive(MessageKind.PingReq, from: 1, sequence: 77, target: Rig.Id(2), address: "sim:3"));
        Assert.Equal((MessageKind.Ping, "sim:3", Rig.Id(2)), (ping.Kind, ping.Address, ping.Target));
        Sent ack = Assert.Single(rig.Receive(MessageKind.Ack, from: 2, sequence: ping.Sequence));
        Assert.Equal((MessageKind.Ack, "sim:2", 77u), (ack.Kind, ack.Address, ack.Sequence));
    }

    // SWIM §4.2: "If Mi [...] receives no acks either directly or indirectly, it does not declare Mj as failed. Instead,
    // Mi marks Mj as a Suspected member" — "if [the suspicion] times out, it is declared faulty".
    [Fact]
    public void A_silent_member_is_first_suspected_then_failed()
    {
        Rig rig = new(3, Paper);
        Sent ping = rig.TickTo(Second).Single(s => s.Kind == MessageKind.Ping);
        int target = ping.Target == Rig.Id(1) ? 1 : 2;
        rig.TickTo(ping.At + Second - 1);
        Assert.Equal(MemberState.Alive, rig.Member(target).State);
        rig.TickTo(ping.At + Second);
        Assert.Equal(MemberState.Suspect, rig.Member(target).State);
        rig.TickTo(ping.At + (3 * Second) - 1);
        Assert.Equal(MemberState.Suspect, rig.Member(target).State);
        rig.TickTo(ping.At + (3 * Second));
        Assert.Equal(MemberState.Failed, rig.Member(target).State);
    }

    // SWIM §3.1: an ack "directly from Mj or indirectly through any of the k members" is enough.
    [Fact]
    public void An_indirect_answer_is_enough()
    {
        Rig rig = new(5, Paper);
        Sent ping = rig.TickTo(Second).Single(s => s.Kind == MessageKind.Ping);
        int target = Index(ping.Target);
        rig.TickTo(ping.At + (700 * SwimConfig.Millisecond));
        rig.Receive(MessageKind.Ack, from: target, sequence: ping.Sequence);
        rig.TickTo(ping.At + Second);
        Assert.Equal(MemberState.Alive, rig.Member(target).State);
        Assert.Equal(0, rig.Core.Counts.FailedProbes);
    }

    // SWIM §4.2: "[An incarnation number] can be incremented only by Mi, when it receives information [...] about itself
    // being suspected"; it then "emits an Alive message with its identifier and an incremented incarnation number".
    [Fact]
    public void The_accused_refutes_with_a_higher_incarnation()
    {
        Rig rig = new(4);
        rig.Receive(MessageKind.Gossip, from: 1, updates: (MemberState.Suspect, Rig.Id(0), 0, Rig.Id(2)));
        Assert.Equal(1ul, rig.Core.Self.Incarnation);
        List<Sent> sent = rig.TickTo(Second);
        Assert.Contains(sent, s => s.Updates.Contains($"Alive {Rig.Id(0)} i1"));
        rig.Receive(MessageKind.Gossip, from: 1, updates: (MemberState.Failed, Rig.Id(0), 9, Rig.Id(2)));
        Assert.Equal(10ul, rig.Core.Self.Incarnation);
        Assert.Equal(2, rig.Core.Counts.Refutations);
    }

    // SWIM §4.2, the rules of what overrides what (with failures that a higher incarnation undoes).
    [Theory]
    [InlineData(MemberState.Alive, 5, MemberState.Alive, 5, MemberState.Alive, 5)]
    [InlineData(MemberState.Alive, 5, MemberState.Suspect, 4, MemberState.Alive, 5)]
    [InlineData(MemberState.Alive, 5, MemberState.Suspect, 5, MemberState.Suspect, 5)]
    [InlineData(MemberState.Alive, 5, MemberState.Suspect, 6, MemberState.Suspect, 6)]
    [InlineData(MemberState.Suspect, 5, MemberState.Alive, 5, MemberState.Suspect, 5)]
    [InlineData(MemberState.Suspect, 5, MemberState.Alive, 6, MemberState.Alive, 6)]
    [InlineData(MemberState.Suspect, 5, MemberState.Suspect, 6, MemberState.Suspect, 6)]
    [InlineData(MemberState.Alive, 5, MemberState.Failed, 4, MemberState.Alive, 5)]
    [InlineData(MemberState.Alive, 5, MemberState.Failed, 5, MemberState.Failed, 5)]
    [InlineData(MemberState.Suspect, 5, MemberState.Failed, 5, MemberState.Failed, 5)]
    [InlineData(MemberState.Failed, 5, MemberState.Alive, 4, MemberState.Failed, 5)]
    [InlineData(MemberState.Failed, 5, MemberState.Alive, 5, MemberState.Failed, 5)]
    [InlineData(MemberState.Failed, 5, MemberState.Suspect, 9, MemberState.Failed, 9)]
    [InlineData(MemberState.Failed, 5, MemberState.Suspect, 4, MemberState.Failed, 5)]
    [InlineData(MemberState.Failed, 5, MemberState.Failed, 9, MemberState.Failed, 9)]
    [InlineData(MemberState.Failed, 5, MemberState.Left, 9, MemberState.Left, 9)]
    [InlineData(MemberState.Failed, 5, MemberState.Left, 5, MemberState.Failed, 5)]
    [InlineData(MemberState.Left, 5, MemberState.Failed, 9, MemberState.Left, 9)]
    [InlineData(MemberState.Failed, 5, MemberState.Alive, 6, MemberState.Alive, 6)]
    [InlineData(MemberState.Left, 5, MemberState.Alive, 5, MemberState.Left, 5)]
    [InlineData(MemberState.Left, 5, MemberState.Alive, 6, MemberState.Alive, 6)]
    [InlineData(MemberState.Alive, 5, MemberState.Left, 5, MemberState.Left, 5)]
    [InlineData(MemberState.Alive, 5, MemberState.Left, 4, MemberState.Alive, 5)]
    public void A_claim_overrides_by_incarnation(
        MemberState was, ulong wasIncarnation, MemberState claim, ulong incarnation, MemberState then, ulong thenIncarnation)
    {
        Rig rig = new(4);
        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Alive, Rig.Id(2), wasIncarnation, string.Empty));
        if (was != MemberState.Alive) rig.Receive(MessageKind.Gossip, 1, updates: (was, Rig.Id(2), wasIncarnation, Rig.Id(1)));
        rig.Receive(MessageKind.Gossip, 1, updates: (claim, Rig.Id(2), incarnation, Rig.Id(3)));
        Assert.Equal((then, thenIncarnation), (rig.Member(2).State, rig.Member(2).Incarnation));
    }

    // SWIM §4.3: "select[s] ping targets not randomly from this list, but in a round-robin fashion"; "the worst-case delay
    // between successive selections of the same target is [2·n − 1] protocol periods".
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Everyone_is_probed_in_turn_and_within_two_rounds(bool sharedTurns)
    {
        Rig rig = new(8, Paper with { SharedTurns = sharedTurns });
        List<string> targets = Answered(rig, 140).Where(s => s.Kind == MessageKind.Ping).Select(s => s.Target).ToList();
        foreach (string target in targets.Distinct())
        {
            int[] turns = targets.Select((t, i) => (t, i)).Where(p => p.t == target).Select(p => p.i).ToArray();
            Assert.All(turns.Zip(turns.Skip(1)), p => Assert.InRange(p.Second - p.First, 1, sharedTurns ? 7 : 13));
        }

        Assert.Equal(7, targets.Take(7).Distinct().Count());
        Assert.Equal(7, targets.Skip(7).Take(7).Distinct().Count());
    }

    // SWIM §4.1: "each [update] is piggybacked at most [λ·log n] times", "[preferring] those that have been gossiped a
    // fewer number of times".
    [Fact]
    public void An_update_is_sent_a_bounded_number_of_times_the_newest_first()
    {
        Rig rig = new(5);
        rig.Core.UpdateMetadata(rig.Now, [1]);
        List<Sent> sent = Answered(rig, 10);
        int times = sent.Count(s => s.Updates.Contains($"Alive {Rig.Id(0)} i1"));
        Assert.Equal(4, times);
        Assert.Equal(0, rig.Core.QueuedUpdates);

        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Failed, Rig.Id(2), 0, Rig.Id(1)));
        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Failed, Rig.Id(3), 0, Rig.Id(1)));
        Sent first = rig.TickTo(rig.Now + Second).First(s => s.Updates.Count > 0);
        Assert.StartsWith("Failed " + Rig.Id(3), first.Updates[^2], StringComparison.Ordinal);
    }

    // Lifeguard §IV-A: failed probes raise the local health score, answered ones lower it; interval and timeout scale.
    [Fact]
    public void One_that_hears_nobody_slows_its_own_probes()
    {
        Rig rig = new(6);
        List<Sent> pings = rig.TickTo(60 * Second).Where(s => s.Kind == MessageKind.Ping).ToList();
        Assert.True(rig.Core.HealthScore > 0);
        Rig calm = new(6, Config with { LocalHealth = false });
        Assert.True(pings.Count < calm.TickTo(60 * Second).Count(s => s.Kind == MessageKind.Ping));
        Assert.Equal(0, calm.Core.HealthScore);
    }

    // Lifeguard §IV-B: "the suspicion timeout starts at Max and decreases to Min as [independent] suspicions are received".
    [Fact]
    public void Each_independent_accuser_shortens_a_suspicion()
    {
        Suspicion suspicion = new(0, 2 * Second, 6 * Second, confirmationsMax: 3, Of("a"));
        Assert.Equal(6 * Second, suspicion.Deadline);
        Assert.False(suspicion.Confirm(Of("a")));
        Assert.True(suspicion.Confirm(Of("b")));
        Assert.Equal(4 * Second, suspicion.Deadline);
        Assert.False(suspicion.Confirm(Of("b")));
        Assert.True(suspicion.Confirm(Of("c")));
        Assert.True(suspicion.Confirm(Of("d")));
        Assert.Equal(2 * Second, suspicion.Deadline);
        Assert.False(suspicion.Confirm(Of("e")));

        static byte[] Of(string id) => System.Text.Encoding.ASCII.GetBytes(id);
    }

    // Lifeguard §IV-C: "[the] ping to a suspected member [...] is guaranteed to contain the suspicion".
    [Fact]
    public void A_suspect_is_told_so_in_the_ping_that_checks_it()
    {
        // Out of turn too: it is checked at once (docs/decisions/0066).
        Rig rig = new(5);
        List<Sent> sent = rig.Receive(
            MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(3), 0, Rig.Id(1)));
        Sent ping = Assert.Single(sent, s => s.Kind == MessageKind.Ping);
        Assert.Equal(Rig.Id(3), ping.Target);
        Assert.StartsWith("Suspect " + Rig.Id(3), ping.Updates[0], StringComparison.Ordinal);

        // However often the suspicion was told already: it is no part of the bounded sendings.
        Rig other = new(5, Config with { ConfirmationProbes = 0 });
        other.Receive(MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(3), 0, Rig.Id(1)));
        List<Sent> later = Answered(other, 3).Where(s => s.Kind == MessageKind.Ping && s.Target == Rig.Id(3)).ToList();
        Assert.All(later, p => Assert.Contains($"Suspect {Rig.Id(3)} i0 by {Rig.Id(1)}", p.Updates));
        Assert.NotEmpty(later);
    }

    // Lifeguard §IV-A: "nack": one that is asked and hears nothing says so, in time for the one who asked.
    [Fact]
    public void One_that_is_asked_and_hears_nothing_says_so()
    {
        Rig rig = new(4);
        rig.Receive(MessageKind.PingReq, from: 1, sequence: 77, target: Rig.Id(2), address: "sim:3");
        Sent nack = Assert.Single(rig.TickTo(400 * SwimConfig.Millisecond), s => s.Kind == MessageKind.Nack);
        Assert.Equal(("sim:2", 77u), (nack.Address, nack.Sequence));
    }

    /// <summary>Ticks for so many periods and answers every ping at once.</summary>
    private static List<Sent> Answered(Rig rig, int periods)
    {
        List<Sent> all = [];
        long end = rig.Now + (periods * Second);
        while (rig.Now < end)
        {
            List<Sent> sent = rig.TickTo(Math.Min(end, Math.Max(rig.Now, rig.Core.NextDeadline)));
            all.AddRange(sent);
            foreach (Sent ping in sent.Where(s => s.Kind == MessageKind.Ping))
                all.AddRange(rig.Receive(MessageKind.Ack, Index(ping.Target), ping.Sequence));
        }

        return all;
    }

    private static int Index(string id) => int.Parse(id[1..], System.Globalization.CultureInfo.InvariantCulture);
}
