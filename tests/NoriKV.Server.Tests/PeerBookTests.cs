using NoriKV.Node;
using NoriKV.Node.Ports;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>Where a node is dialed, by the registry and by what SWIM says.</summary>
public sealed class PeerBookTests
{
    private const string Registered = "10.0.0.2:7400", Heard = "10.0.0.9:7400";

    [Theory]
    [InlineData(2, "n2", Heard, true, false, Heard)]
    [InlineData(2, "n2", Heard, false, false, Heard)]
    [InlineData(2, "n2", Heard, false, true, Registered)]
    [InlineData(2, "n2", "", true, false, Registered)]
    [InlineData(3, "n2", Heard, true, false, Registered)]
    [InlineData(2, "n3", Heard, true, false, Registered)]
    public void A_member_is_dialed_where_it_was_heard_until_it_has_failed(
        ushort number, string name, string address, bool isAlive, bool hasFailed, string dialed)
    {
        var node = new PlannedNode(new NodeNumber(2), "n2", Registered);
        Member[] members =
        [
            new(new NodeNumber(1), "n1", "10.0.0.1:7400", IsAlive: true),
            new(new NodeNumber(number), name, address, isAlive) { HasFailed = hasFailed },
        ];
        Assert.Equal(dialed, PeerBook.AddressOf(node, members));
    }

    [Fact]
    public void Where_nobody_knows_it_is_not_dialed() =>
        Assert.Null(PeerBook.AddressOf(new PlannedNode(new NodeNumber(2), "n2", ""), []));
}
