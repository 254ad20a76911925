using System.CommandLine;
using Nori.Core;
using NoriKV.Cli.Console;
using NoriKV.Placement;

namespace NoriKV.Cli.Commands;

/// <summary><c>norikv shard-of KEY</c>: where a key lives; asks no node.</summary>
internal static class ShardOfCommand
{
    public static Command Create(CliHost host, Option<bool> json)
    {
        var command = new ExampleCommand(
            "shard-of",
            "Print the shard of a key: jump_consistent_hash(xxhash64(key), total shards). Asks no node.",
            "norikv shard-of user:123",
            "norikv shard-of user:123 --total-shards 64 --json");
        KeyArgument key = KeyArgument.AddTo(command);
        var shards = new Option<int>("--total-shards")
        {
            Description = "Shards of the cluster",
            DefaultValueFactory = static _ => 1024,
        };
        var hashTags = new Option<bool>("--hash-tags")
        {
            Description = "Hash only the bytes inside the first {} of the key, as clusters with cluster.hash_tags do",
        };
        command.Options.Add(shards);
        command.Options.Add(hashTags);
        command.SetAction(parse =>
        {
            int total = parse.GetValue(shards);
            if (total is < 1 or > KeyHash.TotalShardsMax)
            {
                throw new UsageException($"--total-shards must be 1 to {KeyHash.TotalShardsMax}");
            }

            byte[] name = key.Read(parse);
            bool tags = parse.GetValue(hashTags);
            uint shard = KeyHash.Shard(name, total, tags).Value;
            ReadOnlySpan<byte> hashed = tags && KeyHash.TryGetTag(name, out ReadOnlySpan<byte> tag) ? tag : name;
            ulong hash = XxHash64.Hash(hashed);
            host.WriteLine(parse.GetValue(json)
                ? JsonOutput.Line(w =>
                {
                    w.WriteBytes("key", name);
                    w.WriteNumber("hash", hash);
                    w.WriteNumber("shard", shard);
                    w.WriteNumber("total_shards", total);
                })
                : $"{shard}");
            return ExitCode.Ok;
        });
        return command;
    }
}
