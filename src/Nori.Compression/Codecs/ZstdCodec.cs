using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Compression.Codecs;

/// <summary>One Zstandard frame through the system's libzstd, at its default level.</summary>
internal sealed partial class ZstdCodec : IBlockCodec
{
    /// <summary>zstd's own default: the knee of its speed and ratio.</summary>
    private const int Level = 3;

    // Making a context costs more than compressing a 4 KiB block (21 µs): each thread keeps its own.
    [ThreadStatic]
    private static CompressContext? _compressContext;

    [ThreadStatic]
    private static DecompressContext? _decompressContext;

    public CompressionType Type => CompressionType.Zstd;

    public int MaxCompressedLength(int n)
    {
        BlockCodecs.CheckLength(n);
        int small = n < 128 << 10 ? ((128 << 10) - n) >> 11 : 0;
        return n + (n >> 8) + small;
    }

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        BlockCodecs.CheckTarget(this, source, target);
        nuint result = ZSTD_compressCCtx(
            _compressContext ??= CompressContext.Create(),
            ref MemoryMarshal.GetReference(target), (nuint)target.Length,
            ref MemoryMarshal.GetReference(source), (nuint)source.Length, Level);
        Invariant.Assert(ZSTD_isError(result) == 0);
        Invariant.Assert(result <= (nuint)target.Length);
        return (int)result;
    }

    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        // With the whole target given, libzstd decodes into it and allocates no window, whatever the frame
        // asks for.
        byte nothing = 0;
        ref byte output = ref (target.IsEmpty ? ref nothing : ref MemoryMarshal.GetReference(target));
        nuint result = ZSTD_decompressDCtx(
            _decompressContext ??= DecompressContext.Create(),
            ref output, (nuint)target.Length, ref MemoryMarshal.GetReference(source), (nuint)source.Length);
        return ZSTD_isError(result) == 0 && result == (nuint)target.Length && !source.IsEmpty;
    }

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nint ZSTD_createCCtx();

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nuint ZSTD_freeCCtx(nint context);

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nint ZSTD_createDCtx();

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nuint ZSTD_freeDCtx(nint context);

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nuint ZSTD_compressCCtx(
        CompressContext context, ref byte target, nuint targetLength, ref byte source, nuint sourceLength,
        int level);

    [LibraryImport(NativeCodecLibrary.ZstdName)]
    private static partial nuint ZSTD_decompressDCtx(
        DecompressContext context, ref byte target, nuint targetLength, ref byte source, nuint sourceLength);

    /// <summary>Freed by its finalizer when its thread is gone.</summary>
    private sealed class CompressContext() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        public static CompressContext Create()
        {
            var context = new CompressContext();
            context.SetHandle(ZSTD_createCCtx());
            return context.IsInvalid ? throw new InsufficientMemoryException("ZSTD_createCCtx") : context;
        }

        protected override bool ReleaseHandle() => ZSTD_freeCCtx(handle) == 0;
    }

    /// <summary>Freed by its finalizer when its thread is gone.</summary>
    private sealed class DecompressContext() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        public static DecompressContext Create()
        {
            var context = new DecompressContext();
            context.SetHandle(ZSTD_createDCtx());
            return context.IsInvalid ? throw new InsufficientMemoryException("ZSTD_createDCtx") : context;
        }

        protected override bool ReleaseHandle() => ZSTD_freeDCtx(handle) == 0;
    }
}
