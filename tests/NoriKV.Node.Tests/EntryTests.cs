using Nori.Core;
using NoriKV.Node.Entries;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests;

public sealed class EntryTests
{
    [Fact]
    public void The_bytes_of_format_1_are_fixed()
    {
        byte[] envelope = EntryWriter.Encode(
            EntrySession.Parse("s1:ab:300:5"),
            [
                new EntryOperation(OperationKind.Put, Bytes("k"), Bytes("vv"), 1000, new KvVersion(1, 200), false),
                new EntryOperation(OperationKind.Delete, Bytes("d"), default, 0, null, false),
            ]);
        EntryWriter.Stamp(envelope, 0x0102030405060708);
        Assert.Equal(
            "01020000" + "0807060504030201" + "02026162AC0205" + "0000000000000000" + "02"
            + "0105016BE80701C801027676" + "02000164",
            Convert.ToHexString(envelope));
        Assert.Equal(
            "01010000" + "0000000000000000" + "00" + "0000000000000000" + "00",
            Convert.ToHexString(EntryWriter.Encode(EntryKind.NoOp)));
    }

    [Fact]
    public void Entries_survive_their_encoding()
    {
        EntryOperation[] operations =
        [
            new(OperationKind.Put, Bytes("k"), Bytes(""), ulong.MaxValue, null, true),
            new(OperationKind.Put, new byte[] { 0 }, new byte[5000], 0, new KvVersion(ulong.MaxValue, 0), false),
            new(OperationKind.Get, Bytes("g"), default, 0, null, false),
        ];
        foreach (string? id in new[] { null, "any string", "s1:session:7:1800000000000" })
        {
            byte[] envelope = EntryWriter.Encode(EntrySession.Parse(id), operations);
            Assert.True(EntryReader.TryDecode(envelope, out DecodedEntry entry, out _));
            Assert.Equal(id ?? "", System.Text.Encoding.UTF8.GetString(entry.Session.ToIdempotencyKey()));
            for (int i = 0; i < operations.Length; i++)
            {
                EntryOperation read = entry.Operations[i];
                Assert.Equal(
                    operations[i] with { Key = default, Value = default },
                    read with { Key = default, Value = default });
                Assert.Equal(operations[i].Key.ToArray(), read.Key.ToArray());
                Assert.Equal(operations[i].Value.ToArray(), read.Value.ToArray());
            }
        }
    }

    [Fact]
    public void Mutated_entries_are_refused_or_read_but_never_throw()
    {
        var put = new EntryOperation(OperationKind.Put, Bytes("k"), Bytes("v"), 5, new KvVersion(1, 2), false);
        byte[] envelope = EntryWriter.Encode(EntrySession.Parse("id"), [put]);
        var random = new Prng(3);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bad = envelope[..random.NextInt(envelope.Length + 1)];
            for (int n = random.NextInt(3); n > 0 && bad.Length > 0; n--)
            {
                bad[random.NextInt(bad.Length)] = (byte)random.NextInt(256);
            }

            bool ok = EntryReader.TryDecode(bad, out _, out string? error);
            Assert.Equal(ok, error is null);
        }
    }
}
