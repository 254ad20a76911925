using System.Text;
using NoriKV.Types;

namespace NoriKV.Transport.Http.Tests;

public sealed class TableTests
{
    [Fact]
    public void Every_outcome_has_the_status_of_the_contract()
    {
        var expected = new Dictionary<KvCode, int>
        {
            [KvCode.Ok] = 200,
            [KvCode.InvalidArgument] = 400,
            [KvCode.VersionMismatch] = 412,
            [KvCode.AlreadyExists] = 412,
            [KvCode.FailedPrecondition] = 412,
            [KvCode.NotLeader] = 503,
            [KvCode.QuorumUnavailable] = 503,
            [KvCode.Unavailable] = 503,
            [KvCode.CommitTimeout] = 504,
            [KvCode.DeadlineExceeded] = 504,
            [KvCode.Overloaded] = 429,
            [KvCode.Cancelled] = 499,
            [KvCode.Unimplemented] = 501,
            [KvCode.PermissionDenied] = 403,
            [KvCode.DataLoss] = 500,
            [KvCode.Internal] = 500,
            [KvCode.NotFound] = 404,
        };
        Assert.All(Enum.GetValues<KvCode>(), code => Assert.Equal(expected[code], HttpStatusTable.StatusOf(code)));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("a", "b")]
    [InlineData("a\u00ff", "b")]
    [InlineData("\u00ff\u00ff", "")]
    public void The_end_of_a_prefix_is_the_first_key_behind_it(string prefix, string end) =>
        Assert.Equal(
            Encoding.Latin1.GetBytes(end), ScanEndpoint.EndOfPrefix(Encoding.Latin1.GetBytes(prefix)));

    [Fact]
    public void Options_out_of_range_are_all_named()
    {
        var wrong = new HttpFacadeOptions { BodyTimeout = TimeSpan.Zero, PagePairsDefault = 5, PagePairsMax = 4 };
        Assert.Equal(2, wrong.Validate().Count);
        Assert.Empty(new HttpFacadeOptions().Validate());
    }
}
