namespace NoriKV.Server.Tests;

public sealed class SmokeTests
{
    [Fact]
    public async Task What_one_port_writes_the_other_reads()
    {
        await using TestServer server = await TestServer.StartFakeAsync();
        await server.PutAsync("a", "1");
        Assert.Equal("1", await server.Http.GetStringAsync("/kv/a"));
        HttpResponseMessage put = await server.Http.PutAsync("/kv/b", new StringContent("2"));
        Assert.Equal("""{"version":{"term":1,"index":2}}""", await put.Content.ReadAsStringAsync());
        Assert.Equal("2", (await server.GetAsync("b")).Value.ToStringUtf8());
    }
}
