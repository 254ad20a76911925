using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core.Tests;

/// <summary>Incarnations as known implementations got them wrong: run over, not kept, told to nobody.</summary>
public sealed class IncarnationTests
{
    private const long Second = SwimConfig.Second;
    private const ulong Jump = SwimCore.IncarnationStartMax;

    // hashicorp/memberlist#358: one claim of the greatest number held its victim dead for ever.
    [Fact]
    public void A_claim_farther_ahead_than_counting_gets_is_ignored_and_counted()
    {
        Rig rig = new(4);
        foreach (ulong far in (ulong[])[Jump + 1, MessageReader.IncarnationMax - 1, MessageReader.IncarnationMax])
        {
            rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(0), far, Rig.Id(1)));
            rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Failed, Rig.Id(2), far, Rig.Id(1)));
        }

        Assert.Equal(0ul, rig.Core.Self.Incarnation);
        Assert.Equal((MemberState.Alive, 0ul), (rig.Member(2).State, rig.Member(2).Incarnation));
        Assert.Equal(6, rig.Core.Counts.Dropped(MessageDrop.Implausible));

        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(0), Jump, Rig.Id(1)));
        Assert.Equal(Jump + 1, rig.Core.Self.Incarnation);
        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Alive, "new", MessageReader.IncarnationMax, string.Empty));
        Assert.Null(rig.Core.Find(new MemberId("new")));
    }

    [Fact]
    public void At_the_greatest_number_what_is_sent_can_still_be_read()
    {
        Rig rig = new(3);
        for (int i = 0; rig.Core.Self.Incarnation < MessageReader.IncarnationMax; i++)
        {
            Assert.True(i < 40_000, "the greatest number was never reached");
            ulong next = Math.Min(rig.Core.Self.Incarnation + Jump, MessageReader.IncarnationMax - 1);
            rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(0), next, Rig.Id(1)));
        }

        rig.Core.UpdateMetadata(rig.Now, [1]);
        Assert.Equal(MessageReader.IncarnationMax, rig.Core.Self.Incarnation);
        Assert.Contains(rig.TickTo(2 * Second), s => s.Updates.Contains($"Alive {Rig.Id(0)} i{MessageReader.IncarnationMax}"));
    }

    // A failure told under a higher number than the one it was first known by, then an old Alive from between.
    [Theory]
    [InlineData(MemberState.Failed)]
    [InlineData(MemberState.Suspect)]
    [InlineData(MemberState.Left)]
    public void One_that_is_gone_is_not_revived_by_an_alive_from_before_the_last_news(MemberState later)
    {
        Rig rig = new(4);
        Tell(MemberState.Alive, 1);
        Tell(MemberState.Failed, 1);
        Tell(later, 10);
        Tell(MemberState.Alive, 2);
        Tell(MemberState.Alive, 10);
        Assert.NotEqual(MemberState.Alive, rig.Member(2).State);
        Tell(MemberState.Alive, 11);
        Assert.Equal(MemberState.Alive, rig.Member(2).State);

        void Tell(MemberState state, ulong incarnation) =>
            rig.Receive(MessageKind.Gossip, 1, updates: (state, Rig.Id(2), incarnation, Rig.Id(1)));
    }

    // hashicorp/memberlist#311: back under a low number, and nobody says which number is to be passed.
    [Theory]
    [InlineData(MemberState.Failed)]
    [InlineData(MemberState.Left)]
    public void One_that_pings_though_it_is_held_gone_hears_so_in_the_answer(MemberState gone)
    {
        Rig rig = new(4);
        rig.Receive(MessageKind.Gossip, 1, updates: (gone, Rig.Id(2), 100, Rig.Id(1)));
        rig.TickTo(60 * Second);
        Sent ack = rig.Receive(MessageKind.Ping, from: 2, sequence: 5, target: Rig.Id(0)).Single(s => s.Kind == MessageKind.Ack);
        Assert.Contains(ack.Updates, u => u.StartsWith($"{gone} {Rig.Id(2)} i100", StringComparison.Ordinal));
    }

    // hashicorp/serf#336.
    [Fact]
    public void A_suspicion_that_a_member_is_said_to_have_of_itself_counts_for_nothing()
    {
        Rig rig = new(4);
        rig.Receive(MessageKind.Gossip, 1, updates: (MemberState.Suspect, Rig.Id(2), 0, Rig.Id(2)));
        Assert.Equal(MemberState.Alive, rig.Member(2).State);
    }

    // docs/decisions/0066: one that is unwell may be deaf; its pings must not spare it ours.
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Only_the_ping_of_one_that_is_well_takes_its_turn(byte health, bool isStillNext)
    {
        string next = new Rig(5, seed: 3).TickTo(Second).First(s => s.Kind == MessageKind.Ping).Target;
        Rig rig = new(5, seed: 3);
        int from = int.Parse(next[1..], System.Globalization.CultureInfo.InvariantCulture);
        rig.Receive(MessageKind.Ping, from, sequence: 9, target: Rig.Id(0), health: health);
        string target = rig.TickTo(Second).First(s => s.Kind == MessageKind.Ping).Target;
        Assert.Equal(isStillNext, target == next);
    }
}
