using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Embedded.Tests;

public sealed class EmbeddedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-embedded-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_written_is_there_when_the_directory_is_opened_again()
    {
        var versions = new List<KvVersion>();
        await using (EmbeddedNoriKV store = await OpenAsync())
        {
            for (int i = 0; i < 200; i++) versions.Add((await store.PutAsync($"k{i}", $"v{i}")).Version);
            await store.DeleteAsync("k0");
        }

        await using (EmbeddedNoriKV store = await OpenAsync())
        {
            Assert.False((await store.GetAsync("k0")).Found);
            for (int i = 1; i < 200; i++) Assert.Equal(versions[i], (await store.GetAsync($"k{i}")).Version);
            Assert.Equal(199, await store.CountAsync(new ScanOptions()));
        }
    }

    [Fact]
    public async Task A_directory_belongs_to_one_store()
    {
        await using EmbeddedNoriKV store = await OpenAsync();
        await Assert.ThrowsAnyAsync<Exception>(async () => await (await OpenAsync()).DisposeAsync());
        await store.PutAsync("still", "here");
    }

    [Fact]
    public async Task A_disposed_store_says_so()
    {
        EmbeddedNoriKV store = await OpenAsync();
        await store.DisposeAsync();
        await store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.PutAsync("k", "v"));
    }

    [Fact]
    public async Task Options_with_problems_are_refused_with_all_of_them()
    {
        var e = await Assert.ThrowsAsync<ArgumentException>(async () => await EmbeddedNoriKV.OpenAsync(
            new EmbeddedOptions { TotalShards = 0, Deadline = TimeSpan.Zero }));
        Assert.Contains("TotalShards", e.Message);
        Assert.Contains("Deadline", e.Message);
    }

    private ValueTask<EmbeddedNoriKV> OpenAsync() =>
        EmbeddedNoriKV.OpenAsync(new EmbeddedOptions { DataDirectory = _folder });
}
