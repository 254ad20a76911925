using Nori.IO;

namespace Nori.Wal;

/// <summary>Policy Os: the caller writes, under the lock, and is done. No queue, no thread, no allocation.</summary>
public sealed partial class Wal
{
    // Hot path: one lock, one copy, one checksum, one pwrite.
    private ValueTask<WalPosition> AppendInline(ReadOnlySpan<byte> payload, byte type)
    {
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stopping, this);
                _inline.Clear();
                _inline.Add(type, payload);
                return new ValueTask<WalPosition>(WriteLocked(_inline));
            }
        }
        catch (Exception e) when (IsOutcome(e))
        {
            return ValueTask.FromException<WalPosition>(Noted(e));
        }
    }

    private ValueTask<WalPosition> AppendInline(WalBatch batch)
    {
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stopping, this);
                return new ValueTask<WalPosition>(WriteLocked(batch));
            }
        }
        catch (Exception e) when (IsOutcome(e))
        {
            return ValueTask.FromException<WalPosition>(Noted(e));
        }
    }

    private ValueTask RunInline(WalPosition? deleteBefore)
    {
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stopping, this);
                if (deleteBefore is { } position)
                {
                    _log.DeleteSegmentsBefore(position);
                }
                else
                {
                    _log.Sync();
                    _durableEnd = _log.DurableEnd;
                    _log.WriteDurableMark();
                    _end = _log.End;
                }

                return ValueTask.CompletedTask;
            }
        }
        catch (Exception e) when (IsOutcome(e))
        {
            return ValueTask.FromException(Noted(e));
        }
    }

    private WalPosition WriteLocked(WalBatch batch)
    {
        WalPosition position = _log.Append(batch);
        _end = _log.End;
        return position;
    }

    private static bool IsOutcome(Exception e) => e is StorageException or WalFailedException or ObjectDisposedException;

    private Exception Noted(Exception failure)
    {
        lock (_gate) _failure ??= _log.Failure;
        return failure;
    }
}
