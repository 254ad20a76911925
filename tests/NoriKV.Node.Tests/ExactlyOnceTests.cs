using NoriKV.Node.Machine;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

/// <summary>Idempotency keys and sessions (protocol.md §6).</summary>
public sealed class ExactlyOnceTests : IDisposable
{
    private SteppedNode _node = Start();

    public void Dispose() => _node.Stop();

    [Fact]
    public void A_repeated_put_returns_the_first_version_and_writes_nothing()
    {
        PutResult first = PutWith("id", "k", "1").Value;
        Assert.Null(first.Meta.IdempotentReplay);
        _node.Put("k", "2");
        PutResult again = PutWith("id", "k", "1").Value;
        Assert.Equal(first.Version, again.Version);
        Assert.Equal("true", again.Meta.IdempotentReplay);
        Assert.Equal("2", _node.Read("k"));
    }

    [Fact]
    public void A_repeat_with_another_payload_gets_the_first_answer_and_is_told()
    {
        PutResult first = PutWith("id", "k", "1").Value;
        PutResult again = PutWith("id", "k", "other").Value;
        Assert.Equal(first.Version, again.Version);
        Assert.Equal("payload_differs", again.Meta.IdempotentReplay);
        Assert.Equal("1", _node.Read("k"));
    }

    [Fact]
    public void A_repeated_delete_says_tombstoned_again()
    {
        _node.Put("k", "v");
        var options = new DeleteOptions { IdempotencyKey = "id" };
        DeleteResult first = _node.Delete("k", options).Value;
        DeleteResult again = _node.Delete("k", options).Value;
        Assert.True(first.Tombstoned && again.Tombstoned);
        Assert.Equal(first.Version, again.Version);
        Assert.Equal("true", again.Meta.IdempotentReplay);
    }

    [Fact]
    public void The_same_string_on_another_key_or_operation_is_another_request()
    {
        PutResult put = PutWith("id", "k", "v").Value;
        PutResult other = PutWith("id", "k2", "v").Value;
        DeleteResult delete = _node.Delete("k", new DeleteOptions { IdempotencyKey = "id" }).Value;
        Assert.Null(other.Meta.IdempotentReplay);
        Assert.NotEqual(put.Version, delete.Version);
        Assert.True(delete.Tombstoned);
        Assert.Equal("v", _node.Read("k2"));
    }

    [Fact]
    public void Refused_outcomes_are_kept_too()
    {
        KvVersion old = _node.Put("k", "1").Value.Version;
        KvVersion current = _node.Put("k", "2").Value.Version;
        var mismatch = new PutOptions { IfMatch = old, IdempotencyKey = "cas" };
        KvError first = _node.Put("k", "3", mismatch).Error!;
        var exists = new PutOptions { IfNotExists = true, IdempotencyKey = "once" };
        Assert.Equal(KvCode.AlreadyExists, _node.Put("k", "4", exists).Error!.Code);

        // Now both conditions would hold.
        _node.Delete("k", new DeleteOptions { IfMatch = current });
        Assert.Equal(first, _node.Put("k", "3", mismatch).Error);
        Assert.Equal(KvCode.AlreadyExists, _node.Put("k", "4", exists).Error!.Code);
        Assert.Null(_node.Read("k"));
    }

    [Fact]
    public void Outcomes_survive_a_restart()
    {
        KvVersion first = PutWith("id", "k", "1").Value.Version;
        Restart();
        PutResult again = PutWith("id", "k", "1").Value;
        Assert.Equal(first, again.Version);
        Assert.Equal("true", again.Meta.IdempotentReplay);
    }

    [Fact]
    public void Outcomes_are_kept_for_the_retention_and_then_forgotten()
    {
        KvVersion first = PutWith("id", "k", "1").Value.Version;
        _node.Time.Advance(TimeSpan.FromMinutes(9.9));
        Assert.Equal(first, PutWith("id", "k", "1").Value.Version);
        _node.Time.Advance(TimeSpan.FromMinutes(3));
        Assert.NotEqual(first, PutWith("id", "k", "1").Value.Version);
    }

    [Fact]
    public void A_full_ledger_refuses_new_keys_keeps_old_answers_and_empties_with_time()
    {
        _node.Stop();
        _node = Start(configure: o => o with { TotalShards = 1, Machine = new MachineOptions { IdempotencyBytesMax = 2000 } });
        KvVersion first = PutWith("id0", "k", "v").Value.Version;
        KvError? full = null;
        for (int i = 1; i < 100 && full is null; i++) full = PutWith($"id{i}", "k", "v").Error;
        Assert.Equal(KvCode.Overloaded, full!.Code);
        Assert.NotNull(full.RetryAfter);
        Assert.Equal(first, PutWith("id0", "k", "v").Value.Version);
        Assert.True(_node.Put("k", "unkeyed writes go on").IsOk);
        _node.Time.Advance(TimeSpan.FromMinutes(16));
        Assert.True(PutWith("new", "k", "v").IsOk);
    }

    [Fact]
    public void A_session_repeats_its_outcomes_within_the_window()
    {
        KvVersion first = PutWith(Session(1), "k", "v1").Value.Version;
        for (ulong i = 2; i <= 4097; i++) Assert.True(PutWith(Session(i), "k", $"v{i}").IsOk);
        PutResult again = PutWith(Session(1), "k", "v1").Value;
        Assert.Equal(first, again.Version);
        Assert.Equal("true", again.Meta.IdempotentReplay);
        Assert.Equal("v4097", _node.Read("k"));

        // One more, and 1 is more than 4,096 below the highest.
        PutWith(Session(4098), "k", "v4098");
        KvError error = PutWith(Session(1), "k", "v1").Error!;
        Assert.Equal(KvCode.CommitTimeout, error.Code);
        Assert.StartsWith("COMMIT_TIMEOUT", error.Message);
        Assert.Equal("v4098", _node.Read("k"));
    }

    [Fact]
    public void A_session_takes_sequences_in_any_order_within_the_window()
    {
        Assert.True(PutWith(Session(100), "k", "a").IsOk);
        KvVersion late = PutWith(Session(50), "k", "b").Value.Version;
        Assert.Equal(late, PutWith(Session(50), "k", "b").Value.Version);
        Assert.Equal("b", _node.Read("k"));
    }

    [Fact]
    public void The_same_sequence_on_another_key_is_another_request()
    {
        // Two keys of one shard: their windows are the same.
        string other = Enumerable.Range(0, 1000).Select(i => $"o{i}")
            .First(o => _node.Node.ShardOf(Bytes(o)) == _node.Node.ShardOf(Bytes("k")));
        KvVersion first = PutWith(Session(7), "k", "v").Value.Version;
        KvVersion second = PutWith(Session(7), other, "w").Value.Version;
        Assert.NotEqual(first, second);
        Assert.Equal(second, PutWith(Session(7), other, "w").Value.Version);
        Assert.Equal(first, PutWith(Session(7), "k", "v").Value.Version);
    }

    [Fact]
    public void A_call_older_than_the_retention_is_refused_as_unknown()
    {
        string old = Session(1);
        _node.Time.Advance(TimeSpan.FromMinutes(11));
        KvError error = PutWith(old, "k", "v").Error!;
        Assert.Equal(KvCode.CommitTimeout, error.Code);
        Assert.Null(_node.Read("k"));
    }

    // Each first call of a session on a shard comes to this, whatever the SDK: nothing else could tell that it is the clock.
    [Fact]
    public void A_client_whose_clock_is_behind_is_told_by_how_much()
    {
        string call = $"s1:behind:1:{_node.Time.GetUtcNow().AddMinutes(-90).ToUnixTimeMilliseconds()}";
        KvError error = PutWith(call, "k", "v").Error!;
        Assert.Contains("90 min before this shard's time", error.Message, StringComparison.Ordinal);
        Assert.Contains("the client's clock is 90 min behind; set it", error.Message, StringComparison.Ordinal);
        string now = $"{_node.Time.GetUtcNow():yyyy-MM-dd'T'HH:mm}", made = $"{_node.Time.GetUtcNow().AddMinutes(-90):yyyy-MM-dd'T'HH:mm}";
        Assert.Contains(now, error.Message, StringComparison.Ordinal);
        Assert.Contains(made, error.Message, StringComparison.Ordinal);
        Assert.Contains("COMMIT_TIMEOUT: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(KvCode.CommitTimeout, PutWith("s1:behind:1:0", "k", "v").Error!.Code);
    }

    [Fact]
    public void A_late_repeat_in_a_living_session_is_refused_although_its_outcome_expired()
    {
        string first = Session(1);
        PutWith(first, "k", "v1");
        string last = first;
        for (ulong i = 2; i <= 6; i++)
        {
            _node.Time.Advance(TimeSpan.FromMinutes(3));
            PutWith(last = Session(i), "k", $"v{i}");
        }

        // Fifteen minutes later the outcome of 1 is gone, but the session lives: it must not be executed again.
        KvError error = PutWith(first, "k", "v1").Error!;
        Assert.Equal(KvCode.CommitTimeout, error.Code);
        Assert.Equal("v6", _node.Read("k"));
        Assert.Equal("true", PutWith(last, "k", "v6").Value.Meta.IdempotentReplay);
    }

    [Fact]
    public void Session_windows_survive_a_restart()
    {
        string key = Session(5);
        KvVersion first = PutWith(key, "k", "v").Value.Version;
        Restart();
        Assert.Equal(first, PutWith(key, "k", "v").Value.Version);
    }

    [Theory]
    [InlineData("s1:a:1")]
    [InlineData("s1::1:5")]
    [InlineData("s1:a:01:5")]
    [InlineData("s1:a:1:x")]
    [InlineData("s2:a:1:5")]
    public void What_only_looks_like_a_session_is_an_ordinary_key(string id)
    {
        KvVersion first = PutWith(id, "k", "v").Value.Version;
        Assert.Equal(first, PutWith(id, "k", "v").Value.Version);
    }

    [Fact]
    public void A_session_holds_a_bounded_number_of_bytes()
    {
        _node.Stop();
        _node = Start(configure: o => o with
        {
            TotalShards = 1,
            Machine = new MachineOptions { SessionWindow = 10, IdempotencyBytesMax = 4000 },
        });
        for (ulong i = 1; i <= 500; i++) Assert.True(PutWith(Session(i), "k", $"v{i}").IsOk, $"at {i}");
    }

    private KvResult<PutResult> PutWith(string id, string key, string value) =>
        _node.Put(key, value, new PutOptions { IdempotencyKey = id });

    private string Session(ulong sequence) => $"s1:client-a:{sequence}:{_node.Time.UnixMs}";

    private void Restart()
    {
        _node.Stop();
        _node = Start(_node.Files, _node.Time);
    }
}
