using System.Buffers;
using NoriKV.Cli.Formats;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Transfer;

/// <summary>Writes the pairs of a scan, one a line, sorted by key.</summary>
internal sealed class Exporter(INoriKV store, IRecordCodec codec)
{
    private const int FlushBytes = 256 << 10;

    /// <summary>Told often how many records are written.</summary>
    public Action<long> OnProgress { get; init; } = static _ => { };

    /// <summary>Exports all; answers how many.</summary>
    public async Task<long> RunAsync(ScanOptions scan, Stream output, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(FlushBytes * 2);
        long records = 0;
        await foreach (KvPair pair in store.ScanAsync(scan, cancellationToken).ConfigureAwait(false))
        {
            codec.Write(new DataRecord(pair.Key, pair.Value), buffer);
            buffer.Write("\n"u8);
            records++;
            if (buffer.WrittenCount < FlushBytes) continue;
            await output.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
            buffer.ResetWrittenCount();
            OnProgress(records);
        }

        await output.WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        OnProgress(records);
        return records;
    }
}
