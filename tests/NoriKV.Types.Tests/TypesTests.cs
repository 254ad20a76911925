namespace NoriKV.Types.Tests;

public sealed class TypesTests
{
    [Theory]
    [InlineData("", Consistency.Linearizable)]
    [InlineData("linearizable", Consistency.Linearizable)]
    [InlineData("strong", Consistency.Linearizable)]
    [InlineData("lease", Consistency.Lease)]
    [InlineData("stale_ok", Consistency.StaleOk)]
    [InlineData("eventual", Consistency.StaleOk)]
    [InlineData("bounded", Consistency.Bounded)]
    [InlineData("bounded_staleness", Consistency.Bounded)]
    public void The_consistency_strings_of_the_wire_are_known(string text, Consistency expected)
    {
        Assert.True(ConsistencyNames.TryParse(text, out Consistency consistency));
        Assert.Equal(expected, consistency);
        Assert.True(ConsistencyNames.TryParse(consistency.ToWire(), out Consistency again));
        Assert.Equal(expected, again);
    }

    [Theory]
    [InlineData("Strong")]
    [InlineData(" ")]
    [InlineData("quorum")]
    public void Any_other_consistency_is_refused(string text) => Assert.False(ConsistencyNames.TryParse(text, out _));

    [Fact]
    public void Versions_are_ordered_by_term_then_index()
    {
        KvVersion[] ordered = [KvVersion.None, new(1, 1), new(1, 2), new(2, 1), new(10, 0)];
        for (int i = 0; i < ordered.Length; i++)
        {
            for (int j = 0; j < ordered.Length; j++) Assert.Equal(i.CompareTo(j), Math.Sign(ordered[i].CompareTo(ordered[j])));
        }

        Assert.False(KvVersion.None.IsPresent);
        Assert.True(new KvVersion(1, 1).IsPresent);
    }

    [Theory]
    [InlineData("3.17", true)]
    [InlineData("18446744073709551615.18446744073709551615", true)]
    [InlineData("", false)]
    [InlineData(".1", false)]
    [InlineData("1.", false)]
    [InlineData("1", false)]
    [InlineData("-1.2", false)]
    [InlineData("1.2.3", false)]
    [InlineData(" 1.2", false)]
    public void A_version_reads_only_what_it_writes(string text, bool ok)
    {
        Assert.Equal(ok, KvVersion.TryParse(text, out KvVersion version));
        if (ok) Assert.Equal(text, version.ToString());
    }

    [Theory]
    [InlineData("n1", true)]
    [InlineData("a.b_c-D9", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("a b", false)]
    [InlineData("é", false)]
    [InlineData("a/b", false)]
    public void Node_names_are_short_and_plain(string? name, bool valid) => Assert.Equal(valid, NodeName.IsValid(name));

    [Fact]
    public void A_node_name_has_at_most_64_characters()
    {
        Assert.True(NodeName.IsValid(new string('n', 64)));
        Assert.False(NodeName.IsValid(new string('n', 65)));
    }

    [Fact]
    public void A_result_is_a_value_or_a_reason()
    {
        KvResult<int> value = 5;
        KvResult<int> reason = new KvError(KvCode.Overloaded, "busy");
        Assert.True(value.TryGet(out int five, out _));
        Assert.Equal(5, five);
        Assert.False(reason.TryGet(out _, out KvError? error));
        Assert.Equal("busy", error.Message);
        Assert.Contains("busy", Assert.Throws<InvalidOperationException>(() => reason.Value).Message);
    }
}
