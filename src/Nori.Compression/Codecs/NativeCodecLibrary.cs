using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nori.Compression.Codecs;

/// <summary>
/// A system library that a codec calls: found once, by the names it goes by on each platform.
/// </summary>
internal sealed class NativeCodecLibrary(CompressionType type, string package, params string[] names)
{
    public const string Lz4Name = "nori-lz4";
    public const string ZstdName = "nori-zstd";

    public static readonly NativeCodecLibrary Lz4 =
        new(CompressionType.Lz4, "liblz4-1", "liblz4.so.1", "liblz4.1.dylib", "liblz4.dll");

    public static readonly NativeCodecLibrary Zstd =
        new(CompressionType.Zstd, "libzstd1", "libzstd.so.1", "libzstd.1.dylib", "libzstd.dll");

    private readonly Lazy<nint> _handle = new(() => Load(names));

    public bool IsAvailable => _handle.Value != 0;

    public void ThrowIfMissing()
    {
        if (!IsAvailable) throw new CodecUnavailableException(type, names[0], package);
    }

    // The bindings name a library that exists nowhere; this maps it to the handle found above.
// The initializer must run before the first call into either library, whoever makes it.
#pragma warning disable CA2255
    [ModuleInitializer]
    internal static void Register() =>
        NativeLibrary.SetDllImportResolver(typeof(NativeCodecLibrary).Assembly, Resolve);
#pragma warning restore CA2255

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        Lz4Name => Lz4._handle.Value,
        ZstdName => Zstd._handle.Value,
        _ => 0,
    };

    private static nint Load(string[] names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint handle)) return handle;
        }

        return 0;
    }
}
