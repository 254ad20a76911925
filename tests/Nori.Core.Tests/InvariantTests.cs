namespace Nori.Core.Tests;

public sealed class InvariantTests
{
    [Fact]
    public void A_broken_invariant_names_its_condition()
    {
        int offset = 5, length = 4;
        Invariant.Assert(length < offset);
        InvariantException e = Assert.Throws<InvariantException>(() => Invariant.Assert(offset <= length));
        Assert.Equal("invariant broken: offset <= length", e.Message);
    }

    [Fact]
    public void An_unreachable_point_says_why()
    {
        Assert.Contains("no such role", Invariant.Unreachable("no such role").Message, StringComparison.Ordinal);
    }
}
