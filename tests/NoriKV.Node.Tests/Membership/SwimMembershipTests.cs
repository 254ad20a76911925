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
        membership.Changed += () => changes.Release();
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

    private static Task<SwimNode> Start(string id, ulong number) => SwimNode.StartAsync(new SwimOptions
    {
        NodeId = id,
        ClusterName = "adapter",
        Metadata = SwimMembership.Describe(new NodeNumber(number), $"10.0.0.{number}:7447", "zone", "1.0"),
    });
}
