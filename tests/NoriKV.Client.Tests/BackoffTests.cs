using Nori.Core;
using NoriKV.Client.Retry;

namespace NoriKV.Client.Tests;

public sealed class BackoffTests
{
    private static readonly RetryPolicy Policy = new()
    {
        BackoffInitial = TimeSpan.FromMilliseconds(10),
        BackoffMax = TimeSpan.FromMilliseconds(1000),
        BudgetMax = 100,
        BudgetPerSuccess = 0.5,
    };

    [Fact]
    public void Waits_stay_below_a_bound_that_doubles_up_to_its_maximum()
    {
        var backoff = new Backoff(Policy with { BudgetMax = 1 << 20 }, new Prng(5));
        for (int retry = 0; retry < 20; retry++)
        {
            double bound = Math.Min(1000, 10 * Math.Pow(2, retry));
            TimeSpan[] waits = [.. Enumerable.Range(0, 200).Select(_ => backoff.NextWait(retry, null))];
            Assert.All(waits, w => Assert.InRange(w.TotalMilliseconds, 0, bound));
            Assert.InRange(waits.Average(w => w.TotalMilliseconds), bound * 0.35, bound * 0.65);
        }
    }

    [Fact]
    public void An_exhausted_budget_makes_the_waits_the_longest()
    {
        var backoff = new Backoff(Policy, new Prng(5));
        for (int i = 0; i < 100; i++) Assert.InRange(backoff.NextWait(0, null).TotalMilliseconds, 0, 10);
        Assert.True(Enumerable.Range(0, 20).Max(_ => backoff.NextWait(0, null).TotalMilliseconds) > 300);
        for (int i = 0; i < 10; i++) backoff.Succeeded();
        Assert.Equal(5, backoff.Budget);
    }

    [Fact]
    public void The_servers_word_is_a_floor()
    {
        var backoff = new Backoff(Policy, new Prng(5));
        Assert.All(
            Enumerable.Range(0, 50),
            _ => Assert.InRange(backoff.NextWait(0, TimeSpan.FromMilliseconds(70)).TotalMilliseconds, 70, 80));
    }
}
