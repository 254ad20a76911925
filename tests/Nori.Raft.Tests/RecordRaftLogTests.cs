using Nori.Raft.Core;
using Nori.Raft.Tests.Harness;

namespace Nori.Raft.Tests;

/// <summary>A log that is records of bytes, appended by whoever owns the storage.</summary>
public sealed class RecordRaftLogTests
{
    [Fact]
    public void A_group_on_records_goes_on_where_they_say_and_what_must_be_synced_is()
    {
        Dictionary<ReplicaId, List<byte[]>> stored = [];
        List<ListLog> logs = [];
        Trio trio = Open();
        Trio.Member leader = trio.Elect();
        Assert.All(logs, log => Assert.True(log.Synced > 0));
        for (ulong i = 1; i <= 20; i++) Assert.True(trio.Propose(leader, i).IsApplied);
        trio.Run(200);
        Term before = leader.Node.Status.Term;
        foreach (Trio.Member member in trio.Members) member.Stop();

        trio = Open();
        leader = trio.Elect();
        Assert.True(leader.Node.Status.Term > before);
        Assert.True(trio.Propose(leader, 21).IsApplied);
        trio.Run(200);
        Assert.All(trio.Members, m => Assert.Equal(21ul, m.Machine.Count));
        return;

        Trio Open() => new(change: o =>
        {
            if (!stored.TryGetValue(o.Replica, out List<byte[]>? records)) stored.Add(o.Replica, records = []);
            logs.Add(new ListLog(records));
            return o with { Log = logs[^1] };
        });
    }

    [Fact]
    public void Storage_that_was_never_written_to_holds_nothing() => Assert.Null(new ListLog([]).Open());

    [Fact]
    public void A_record_that_is_none_is_named()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => new ListLog([[9, 9, 9]]).Open());
        Assert.Equal("Record 0 of 3 bytes is no record of a Raft log", e.Message);
    }

    private sealed class ListLog(List<byte[]> records) : RecordRaftLog
    {
        /// <summary>How often it had to make durable what it was given.</summary>
        public int Synced { get; private set; }

        protected override IEnumerable<byte[]> ReadRecords() => records;

        protected override void AppendRecords(IReadOnlyList<byte[]> added, bool mustSync)
        {
            records.AddRange(added);
            if (mustSync) Synced++;
        }
    }
}
