using System.Diagnostics;
using System.Net;
using System.Text;

namespace NoriKV.Acceptance;

/// <summary>
/// The real program over a kernel whose syncs begin to fail: a shim answers EIO for fdatasync and fsync once a file exists.
/// </summary>
[Trait("Category", "Slow")]
public sealed class SyncFailureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-sync-").FullName;
    private readonly HttpClient _http = new();

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_failing_sync_ends_acknowledgement_and_what_was_acknowledged_is_there_after_a_restart()
    {
        if (!File.Exists("/usr/bin/gcc"))
            Assert.Skip("the shim needs a compiler: apt-get install -y --no-install-recommends gcc libc6-dev");

        string trigger = Path.Combine(_folder, "fail-now");
        var broken = new Dictionary<string, string> { ["LD_PRELOAD"] = await BuildShimAsync(), ["FAIL_WHEN"] = trigger };
        string[] arguments =
        [
            "server", "--data-dir", Path.Combine(_folder, "data"), "--rpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0",
        ];
        (NorikvProcess server, IReadOnlyDictionary<string, string> ready) = await NorikvProcess.ServeAsync(broken, arguments);
        string url = $"http://{ready["http"]}";
        Assert.Equal(HttpStatusCode.OK, await PutAsync($"{url}/kv/before"));
        await File.WriteAllTextAsync(trigger, string.Empty);
        HttpStatusCode lost = await PutAsync($"{url}/kv/lost");
        Assert.Contains(lost, new[] { HttpStatusCode.ServiceUnavailable, HttpStatusCode.GatewayTimeout });

        // The disk is well again; a store whose sync failed once is not to be trusted.
        File.Delete(trigger);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await PutAsync($"{url}/kv/after"));
        HttpResponseMessage readiness = await _http.GetAsync($"{url}/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, readiness.StatusCode);
        Assert.Contains("sync", await readiness.Content.ReadAsStringAsync(), StringComparison.OrdinalIgnoreCase);
        await server.DisposeAsync();

        (server, ready) = await NorikvProcess.ServeAsync(null, arguments);
        Assert.Equal("value", await _http.GetStringAsync($"http://{ready["http"]}/kv/before"));
        Assert.Equal(HttpStatusCode.OK, await PutAsync($"http://{ready["http"]}/kv/after"));
        await server.DisposeAsync();
    }

    private async Task<HttpStatusCode> PutAsync(string url)
    {
        using var value = new ByteArrayContent(Encoding.UTF8.GetBytes("value"));
        using HttpResponseMessage answer = await _http.PutAsync(url, value);
        return answer.StatusCode;
    }

    private async Task<string> BuildShimAsync()
    {
        string source = Path.Combine(_folder, "shim.c"), library = Path.Combine(_folder, "shim.so");
        await File.WriteAllTextAsync(source, """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <stdlib.h>
            #include <unistd.h>
            static int failing(void) { const char *f = getenv("FAIL_WHEN"); return f && access(f, F_OK) == 0; }
            int fdatasync(int fd) {
                if (failing()) { errno = EIO; return -1; }
                return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
            }
            int fsync(int fd) {
                if (failing()) { errno = EIO; return -1; }
                return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
            }
            """);
        using Process gcc = Process.Start("gcc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
        await gcc.WaitForExitAsync();
        Assert.Equal(0, gcc.ExitCode);
        return library;
    }
}
