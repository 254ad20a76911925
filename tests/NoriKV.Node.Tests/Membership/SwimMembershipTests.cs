using Nori.Swim;
using NoriKV.Node.Membership;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Membership;

public sealed class SwimMembershipTests
{
    [Fact]
    public async Task Members_appear_with_number_and_address_and_go_when_they_leave()
    {
        await using SwimNode a = await Start("a", 2), b = await Start("b", 1);
        using SwimMembership membership = new(a);
        using SemaphoreSlim changes = new(0);
        membership.Follow(_ => changes.Release());
        Assert.Equal([new Member(new NodeNumber(2), "a", "10.0.0.2:7447", true)], membership.Members);

        Assert.Equal(1, await b.JoinAsync([a.Address]));
        await Until(() => membership.Members.Count == 2);
        Assert.Equal(new Member(new NodeNumber(1), "b", "10.0.0.1:7447", true), membership.Members[0]);
        await b.LeaveAsync();
        await Until(() => membership.Members.Count == 1);

        async Task Until(Func<bool> holds)
        {
            while (!holds()) Assert.True(await changes.WaitAsync(TimeSpan.FromSeconds(60)), "no change in 60 s");
        }
    }

    [Fact]
    public async Task Who_begins_to_follow_while_members_come_ends_with_the_newest_list()
    {
        await using SwimNode a = await Start("a", 2), b = await Start("b", 1);
        using SwimMembership membership = new(a);
        using SemaphoreSlim entered = new(0), going = new(0), seen = new(0);
        IReadOnlyList<Member> last = [];
        // It is held in its first call, with a list of one, until the other member is there.
        Task begun = Task.Run(() => membership.Follow(members =>
        {
            if (entered.CurrentCount == 0 && members.Count == 1)
            {
                entered.Release();
                Assert.True(going.Wait(TimeSpan.FromSeconds(60)));
            }

            Volatile.Write(ref last, members);
            seen.Release();
        }));
        Assert.True(await entered.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(1, await b.JoinAsync([a.Address]));
        while (a.Members.Count < 2) await Task.Yield();
        going.Release();
        await begun;
        while (Volatile.Read(ref last).Count < 2)
            Assert.True(await seen.WaitAsync(TimeSpan.FromSeconds(60)), "the newest list was not told in 60 s");
    }

    private static Task<SwimNode> Start(string id, ulong number) => SwimNode.StartAsync(new SwimOptions
    {
        NodeId = id,
        ClusterName = "adapter",
        Metadata = SwimMembership.Describe(new NodeNumber(number), $"10.0.0.{number}:7447", "zone", "1.0"),
    });
}
