using System.Reflection;
using System.Runtime.InteropServices;

namespace Nori.RocksDb;

/// <summary>Finds the shared library.</summary>
public static class RocksDbLibrary
{
    internal const string Name = "rocksdb";

    /// <summary>What to run when it is missing.</summary>
    public const string HowToInstall = "apt-get install -y --no-install-recommends librocksdb-dev rocksdb-tools";

    // The development link first; then the run-time names of the versions that Debian and Ubuntu have.
    private static readonly string[] Candidates =
    [
        "librocksdb.so", "librocksdb.so.7.8", "librocksdb.so.8.9", "librocksdb.so.9.10", "librocksdb.dylib",
    ];

    private static readonly Lazy<nint> Handle = new(Load);

    /// <summary>True when the library can be loaded.</summary>
    public static bool IsAvailable => Handle.Value != 0;

    internal static void Register() =>
        NativeLibrary.SetDllImportResolver(typeof(RocksDbLibrary).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Name) return 0;
        return Handle.Value != 0 ? Handle.Value
            : throw new DllNotFoundException($"librocksdb is missing; install it with: {HowToInstall}");
    }

    private static nint Load()
    {
        foreach (string candidate in Candidates)
            if (NativeLibrary.TryLoad(candidate, out nint handle)) return handle;
        return 0;
    }
}
