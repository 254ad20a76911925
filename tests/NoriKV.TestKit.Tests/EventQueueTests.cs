using Nori.Core;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Tests;

public sealed class EventQueueTests
{
    [Fact]
    public void Events_run_in_the_order_of_their_times_each_once()
    {
        var random = new Prng(7);
        var queue = new EventQueue(new Prng(8));
        var asked = new List<long>();
        var ran = new List<long>();
        for (int i = 0; i < 2000; i++)
        {
            long at = random.NextLong(500);
            asked.Add(at);
            queue.At(at, () =>
            {
                Assert.Equal(at, queue.Now);
                ran.Add(at);
                if (ran.Count > 3000) return;
                long later = at + random.NextLong(50);
                asked.Add(later);
                queue.At(later, () => ran.Add(later));
            });
        }

        while (queue.TryRunNext(1000))
        {
        }

        Assert.Equal(asked.Order(), ran);
        Assert.Equal(asked.Count, queue.Executed);
        Assert.Equal(1000, queue.Now);
    }

    [Fact]
    public void Events_of_one_moment_run_in_an_order_that_the_seed_draws()
    {
        Assert.Equal(Order(1), Order(1));
        Assert.NotEqual(Order(1), Order(2));

        static int[] Order(ulong seed)
        {
            var queue = new EventQueue(new Prng(seed));
            var ran = new List<int>();
            for (int i = 0; i < 20; i++) queue.At(5, static (list, number) => ((List<int>)list).Add(number), ran, i);
            while (queue.TryRunNext(5))
            {
            }

            return [.. ran];
        }
    }

    [Fact]
    public void What_is_asked_for_too_late_happens_now()
    {
        var queue = new EventQueue(new Prng(1));
        Assert.False(queue.TryRunNext(100));
        queue.At(40, () => Assert.Equal(100, queue.Now));
        Assert.True(queue.TryRunNext(100));
    }

    [Fact]
    public void A_second_thread_is_stopped_and_the_run_knows_of_it()
    {
        var queue = new EventQueue(new Prng(1));
        Exception? thrown = null;
        var other = new Thread(() => thrown = Record.Exception(() => queue.At(1, () => { })));
        other.Start();
        other.Join();
        Assert.IsType<InvariantException>(thrown);
        Assert.NotNull(queue.Stray);
        Assert.False(queue.TryRunNext(10));
    }
}
