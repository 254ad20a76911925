using System.Net;
using Nori.Grpc;
using Nori.IO;

namespace NoriKV.Server.Tests;

/// <summary>A server whose disk fails says so, acknowledges nothing more, and stays there to be asked.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("batch")]
    [InlineData("always")]
    public async Task A_failed_sync_ends_acknowledgement_with_a_clear_reason_and_not_the_process(string sync)
    {
        var files = new FaultInjectingFileSystem(new MemoryFileSystem());
        await using TestServer server = await TestServer.StartAsync(
            o => o with { WalSync = sync }, p => p with { FileSystem = files });
        await server.PutAsync("before", "1");
        files.Add(new FaultRule { Operation = FileOperation.Sync, Times = FaultRule.Forever });
        GrpcException first = await Wire.FailsAsync(server.PutAsync("lost", "1"));
        Assert.Contains(first.Code, new[] { GrpcStatusCode.Unavailable, GrpcStatusCode.DeadlineExceeded });

        // The disk is well again; a sync that failed once is never trusted.
        files.ClearRules();
        GrpcException second = await Wire.FailsAsync(server.PutAsync("after", "1"));
        Assert.Equal(GrpcStatusCode.Unavailable, second.Code);
        HttpResponseMessage ready = await server.Http.GetAsync("/readyz");
        string reason = await ready.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains("sync", reason, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Http.GetAsync("/health")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Http.GetAsync("/healthz")).StatusCode);
        HttpResponseMessage put = await server.Http.PutAsync("/kv/after", new StringContent("1"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, put.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("/metrics")).StatusCode);
        await WireFramingTests.EventuallyAsync(
            () => server.LogText.ToString().Contains("ERROR node: not ready", StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_a_failed_sync_and_a_restart_what_was_acknowledged_is_there()
    {
        var memory = new MemoryFileSystem();
        var files = new FaultInjectingFileSystem(memory);
        await using (TestServer server = await TestServer.StartAsync(parts: p => p with { FileSystem = files }))
        {
            await server.PutAsync("before", "1");
            files.Add(new FaultRule { Operation = FileOperation.Sync, Times = FaultRule.Forever });
            await Wire.FailsAsync(server.PutAsync("lost", "1"));
        }

        await using TestServer again = await TestServer.StartAsync(
            parts: p => p with { FileSystem = memory.Crash(seed: 1) });
        Assert.Equal("1", (await again.GetAsync("before")).Value.ToStringUtf8());
        await again.PutAsync("after", "1");
    }

    [Fact]
    public async Task Acknowledged_writes_survive_a_power_failure_behind_both_ports()
    {
        var files = new MemoryFileSystem();
        await using TestServer server = await TestServer.StartAsync(parts: p => p with { FileSystem = files });
        for (int i = 0; i < 100; i++)
        {
            if (i % 2 == 0) await server.PutAsync($"k{i}", $"{i}");
            else (await server.Http.PutAsync($"/kv/k{i}", new StringContent($"{i}"))).EnsureSuccessStatusCode();
        }

        for (ulong seed = 1; seed <= 5; seed++)
        {
            await using TestServer again = await TestServer.StartAsync(
                parts: p => p with { FileSystem = files.Crash(seed) });
            for (int i = 0; i < 100; i++)
            {
                string value = (await again.GetAsync($"k{i}")).Value.ToStringUtf8();
                Assert.True(value == $"{i}", $"seed {seed}: k{i} is '{value}'");
            }
        }
    }
}
