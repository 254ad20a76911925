using System.Text;
using NoriKV.Cli.Formats;
using NoriKV.Client;
using NoriKV.Types;

namespace NoriKV.Cli.Transfer;

/// <summary>
/// Writes the records of a stream, many at once. Progress counts only what is acknowledged without a gap, so that an
/// interrupted import resumes there and loses nothing; what it then writes again is the same.
/// </summary>
internal sealed class Importer(INoriKV store, ImportOptions options, TimeProvider time)
{
    private readonly Queue<InFlight> _inFlight = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly IRecordCodec _codec = IRecordCodec.Create(options.Format, options.Keys, options.Values);
    private ImportProgress _done;
    private long _saved;

    /// <summary>What is acknowledged.</summary>
    public ImportProgress Done => _done;

    /// <summary>Told of each bad line.</summary>
    public Action<BadLine> OnBadLine { get; init; } = static _ => { };

    /// <summary>Told often how far it is.</summary>
    public Action<ImportProgress> OnProgress { get; init; } = static _ => { };

    /// <summary>Told now and then, and at the end of a failed run: where to resume.</summary>
    public Action<ImportProgress> OnCheckpoint { get; init; } = static _ => { };

    /// <summary>Imports all; false when it stopped at a bad line.</summary>
    /// <param name="input">Positioned at the offset of <paramref name="from"/>.</param>
    /// <param name="from">Where an earlier run ended.</param>
    /// <param name="cancellationToken">Stops reading; what is in flight is still waited for.</param>
    public async Task<bool> RunAsync(Stream input, ImportProgress from, CancellationToken cancellationToken)
    {
        _done = from;
        _saved = time.GetTimestamp();
        var lines = new LineReader(input, from.Offset, from.Line);
        try
        {
            while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (lines.Line.IsEmpty) continue;
                if (!_codec.TryParse(lines.Line.Span, out DataRecord record, out string reason))
                {
                    if (!await BadAsync(new BadLine(lines.Number, reason)).ConfigureAwait(false)) return false;
                    continue;
                }

                if (!await MakeRoomAsync(record).ConfigureAwait(false)) return false;
                Send(record, lines);
            }

            while (_inFlight.Count > 0)
            {
                if (!await CompleteOldestAsync().ConfigureAwait(false)) return false;
            }

            _done = _done with { Line = lines.Number, Offset = lines.Offset };
            return true;
        }
        finally
        {
            await DrainAsync().ConfigureAwait(false);
            OnProgress(_done);
            OnCheckpoint(_done);
        }
    }

    private void Send(in DataRecord record, LineReader lines)
    {
        string key = Encoding.Latin1.GetString(record.Key.Span);
        _keys.Add(key);
        PutOptions? put = record.Ttl is { } ttl ? new PutOptions { Ttl = ttl } : null;
        // Not cancelled with the reading: an acknowledged record must be counted.
        Task task = store.PutAsync(record.Key, record.Value, put, CancellationToken.None).AsTask();
        _inFlight.Enqueue(new InFlight(task, key, lines.Number, lines.Offset));
    }

    // A key that is in flight waits for itself: of two lines with one key the later must win.
    private async ValueTask<bool> MakeRoomAsync(DataRecord record)
    {
        bool twice = _keys.Contains(Encoding.Latin1.GetString(record.Key.Span));
        while (_inFlight.Count >= options.Concurrency || (twice && _inFlight.Count > 0))
        {
            if (!await CompleteOldestAsync().ConfigureAwait(false)) return false;
        }

        return true;
    }

    private async ValueTask<bool> CompleteOldestAsync()
    {
        InFlight oldest = _inFlight.Dequeue();
        _keys.Remove(oldest.Key);
        try
        {
            await oldest.Task.ConfigureAwait(false);
        }
        catch (InvalidArgumentException e)
        {
            // The node refuses this record (a limit), not the import.
            return Bad(new BadLine(oldest.Line, e.Message));
        }

        _done = _done with { Records = _done.Records + 1, Line = oldest.Line, Offset = oldest.Offset };
        OnProgress(_done);
        if (time.GetElapsedTime(_saved) >= options.CheckpointEvery)
        {
            _saved = time.GetTimestamp();
            OnCheckpoint(_done);
        }

        return true;
    }

    private async ValueTask<bool> BadAsync(BadLine line)
    {
        // Before stopping, what was sent before the bad line is finished, so that the checkpoint is just before it.
        while (!options.SkipBadLines && _inFlight.Count > 0)
        {
            if (!await CompleteOldestAsync().ConfigureAwait(false)) return false;
        }

        return Bad(line);
    }

    private bool Bad(BadLine line)
    {
        OnBadLine(line);
        if (!options.SkipBadLines) return false;
        _done = _done with { BadLines = _done.BadLines + 1 };
        return true;
    }

    // On the way out of a failure: count what succeeded without a gap, and leave no task behind.
    private async ValueTask DrainAsync()
    {
        bool gap = false;
        while (_inFlight.TryDequeue(out InFlight oldest))
        {
            await oldest.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            gap |= !oldest.Task.IsCompletedSuccessfully;
            if (!gap) _done = _done with { Records = _done.Records + 1, Line = oldest.Line, Offset = oldest.Offset };
        }
    }

    private readonly record struct InFlight(Task Task, string Key, long Line, long Offset);
}
