using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Nori.Observe;

namespace NoriKV.Server;

/// <summary>Counts the connections of a port and the bytes that go through them, as on the wire: TLS and headers included.</summary>
/// <remarks>Thread-safe. Two additions for each read and each write of a connection; nothing is copied or allocated.</remarks>
internal sealed class PortTraffic
{
    private readonly Counter _received;
    private readonly Counter _sent;
    private readonly Counter _accepted;
    private int _open;

    /// <param name="meter">Where it counts.</param>
    /// <param name="port">The port's name in metrics: grpc, http.</param>
    /// <param name="whose">Whose connections come there.</param>
    public PortTraffic(IMeter meter, string port, string whose)
    {
        meter.ObservableGauge($"{port}_connections", $"Connections of {whose} that are open.", () => Volatile.Read(ref _open));
        _accepted = meter.Counter($"{port}_connections_total", $"Connections of {whose} that were taken.");
        _received = meter.Counter($"{port}_received_bytes_total", $"Bytes that came from {whose}, as on the wire.");
        _sent = meter.Counter($"{port}_sent_bytes_total", $"Bytes that went to {whose}, as on the wire.");
    }

    /// <summary>Put around a connection.</summary>
    public ConnectionDelegate Around(ConnectionDelegate next) => async connection =>
    {
        _accepted.Add();
        Interlocked.Increment(ref _open);
        IDuplexPipe plain = connection.Transport;
        connection.Transport = new Counted(new Reader(plain.Input, _received), new Writer(plain.Output, _sent));
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            connection.Transport = plain;
            Interlocked.Decrement(ref _open);
        }
    };

    private sealed record Counted(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    // Counts what is consumed: a buffer is looked at more than once.
    private sealed class Reader(PipeReader inner, Counter bytes) : PipeReader
    {
        private System.Buffers.ReadOnlySequence<byte> _last;

        public override bool TryRead(out ReadResult result)
        {
            bool any = inner.TryRead(out result);
            if (any) _last = result.Buffer;
            return any;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ValueTask<ReadResult> reading = inner.ReadAsync(cancellationToken);
            if (!reading.IsCompletedSuccessfully) return WaitAsync(reading);
            ReadResult result = reading.Result;
            _last = result.Buffer;
            return new ValueTask<ReadResult>(result);
        }

        public override void AdvanceTo(SequencePosition consumed)
        {
            Count(consumed);
            inner.AdvanceTo(consumed);
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            Count(consumed);
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
        {
            ReadResult result = await reading.ConfigureAwait(false);
            _last = result.Buffer;
            return result;
        }

        private void Count(SequencePosition consumed)
        {
            long length = _last.IsEmpty ? 0 : _last.Slice(_last.Start, consumed).Length;
            if (length > 0) bytes.Add(length);
            _last = default;
        }
    }

    private sealed class Writer(PipeWriter inner, Counter bytes) : PipeWriter
    {
        private long _written;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int count)
        {
            _written += count;
            inner.Advance(count);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Count();
            return inner.FlushAsync(cancellationToken);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            _written += source.Length;
            Count();
            return inner.WriteAsync(source, cancellationToken);
        }

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null)
        {
            Count();
            inner.Complete(exception);
        }

        public override ValueTask CompleteAsync(Exception? exception = null)
        {
            Count();
            return inner.CompleteAsync(exception);
        }

        private void Count()
        {
            if (_written > 0) bytes.Add(_written);
            _written = 0;
        }
    }
}
