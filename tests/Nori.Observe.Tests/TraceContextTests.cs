namespace Nori.Observe.Tests;

/// <summary>https://www.w3.org/TR/trace-context/, section 3.2.</summary>
public sealed class TraceContextTests
{
    private const string Sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    [Fact]
    public void What_is_read_is_written_again()
    {
        Assert.True(TraceContext.TryParse(Sampled, out TraceContext context));
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", context.TraceId);
        Assert.Equal("00f067aa0ba902b7", context.SpanId);
        Assert.True(context.IsSampled);
        Assert.Equal(Sampled, context.ToString());
        Assert.Equal(string.Empty, default(TraceContext).ToString());
    }

    [Theory]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", true)]
    [InlineData("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true)]
    [InlineData("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true)]
    public void Flags_beyond_the_first_and_later_versions_are_read_as_far_as_they_are_known(string text, bool sampled)
    {
        Assert.True(TraceContext.TryParse(text, out TraceContext context));
        Assert.Equal(sampled, context.IsSampled);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011")]
    [InlineData("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more")]
    [InlineData("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("00-00000000000000000000000000000000-00f067aa0ba902b7-01")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01")]
    [InlineData("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")]
    [InlineData("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    public void Anything_else_is_no_context(string text)
    {
        Assert.False(TraceContext.TryParse(text, out TraceContext context));
        Assert.True(context.IsNone);
    }

    [Fact]
    public void What_others_wrote_beside_it_is_kept_as_it_is_or_left_out_whole()
    {
        Assert.True(TraceContext.TryParse(Sampled, out TraceContext context));
        Assert.Equal("a=1,b@c=2", context.WithState("a=1,b@c=2").State);
        Assert.Equal(new string('a', 510) + "=1", context.WithState(new string('a', 510) + "=1").State);
        foreach (string? text in new[] { null, "", "none", "a=\n1", "a=é", new string('a', 511) + "=1" })
            Assert.Null(context.WithState(text).State);
        Assert.Null(default(TraceContext).WithState("a=1").State);
    }
}
