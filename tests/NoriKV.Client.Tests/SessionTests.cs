using Nori.Core;
using NoriKV.Client.Sessions;

namespace NoriKV.Client.Tests;

public sealed class SessionTests
{
    private readonly SessionPool _pool = new(TimeProvider.System);

    [Fact]
    public void A_key_names_session_sequence_and_time()
    {
        string[] parts = _pool.Acquire().Text.Split(':');
        Assert.Equal("s1", parts[0]);
        Assert.Equal(32, parts[1].Length);
        Assert.Equal("1", parts[2]);
        Assert.InRange(long.Parse(parts[3]), 1_600_000_000_000, 5_000_000_000_000);
        Assert.EndsWith(":2", string.Join(':', _pool.Acquire().Text.Split(':')[..3]));
    }

    [Fact]
    public void Two_clients_never_share_a_session()
    {
        // Two with one seed did: a compare-and-set of one was answered with the outcome of the other's, and was lost.
        IEnumerable<string> sessions = Enumerable.Range(0, 100)
            .Select(_ => new SessionPool(TimeProvider.System).Acquire().Session.Id);
        Assert.Equal(100, sessions.Distinct().Count());
    }

    [Fact]
    public void The_oldest_unresolved_is_never_more_than_the_window_below_the_newest()
    {
        var random = new Prng(11);
        var open = new List<SessionKey>();
        var oldest = new Dictionary<Session, SortedSet<ulong>>();
        for (int i = 0; i < 50_000; i++)
        {
            if (open.Count > 0 && random.Chance(0.49))
            {
                int at = random.NextInt(open.Count);
                SessionKey done = open[at];
                open[at] = open[^1];
                open.RemoveAt(open.Count - 1);
                oldest[done.Session].Remove(done.Sequence);
                _pool.Release(done);
                continue;
            }

            SessionKey key = _pool.Acquire();
            open.Add(key);
            if (!oldest.TryGetValue(key.Session, out SortedSet<ulong>? unresolved)) oldest[key.Session] = unresolved = [];
            Assert.True(unresolved.Add(key.Sequence));
            Assert.InRange(key.Sequence - unresolved.Min, 0UL, (ulong)Session.Window - 1);
        }
    }

    [Fact]
    public void One_stuck_write_does_not_hold_back_the_others()
    {
        SessionKey stuck = _pool.Acquire();
        for (int i = 0; i < 3 * Session.Window; i++)
        {
            SessionKey key = _pool.Acquire();
            _pool.Release(key);
        }

        Assert.Equal(2, _pool.Count);
        _pool.Release(stuck);
    }

    [Fact]
    public void A_drained_session_is_used_again()
    {
        for (int round = 0; round < 5; round++)
        {
            SessionKey[] keys = [.. Enumerable.Range(0, 3 * Session.Window).Select(_ => _pool.Acquire())];
            foreach (SessionKey key in keys) _pool.Release(key);
        }

        Assert.Equal(3, _pool.Count);
    }
}
