using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Nori.Grpc.Server;

/// <summary>The lines that calls of a server offer, and the connections that take them (<see cref="FrameLineFormat"/>).</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class FrameLines
{
    // Above it a frame's array grows as its bytes come: a claim costs its sender nothing.
    private const int ClaimBytesMax = 1 << 20;

    private readonly ConcurrentDictionary<string, FrameLineOffer> _offers = new(StringComparer.Ordinal);

    public FrameLineOffer Offer(int frameBytesMax, Action<ReadOnlyMemory<byte>> received, Action ended)
    {
        var offer = new FrameLineOffer(this, frameBytesMax, received, ended);
        _offers[offer.Key] = offer;
        return offer;
    }

    public void Forget(FrameLineOffer offer) => _offers.TryRemove(offer.Key, out _);

    public static string KeyOf(ReadOnlySpan<byte> token) => Convert.ToHexString(token);

    /// <summary>Carries a connection that began with the preface until it ends.</summary>
    /// <param name="connection">The connection; nothing of it has been consumed.</param>
    /// <param name="patience">Cancelled when the token should have come.</param>
    public async Task RunAsync(ConnectionContext connection, CancellationToken patience)
    {
        PipeReader input = connection.Transport.Input;
        if (await TryMeetAsync(connection, patience).ConfigureAwait(false) is not { } offer)
        {
            connection.Abort(new ConnectionAbortedException("No such line."));
            return;
        }

        try
        {
            await connection.Transport.Output.WriteAsync(new[] { FrameLineFormat.Accepted }, patience).ConfigureAwait(false);
            await CarryAsync(input, offer).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidDataException)
        {
            // The other side is gone, the call ended, or what came is no frame.
        }
        finally
        {
            connection.Abort(new ConnectionAbortedException("The line ended."));
            offer.NoteEnd();
        }
    }

    private async Task<FrameLineOffer?> TryMeetAsync(ConnectionContext connection, CancellationToken patience)
    {
        int bytes = FrameLineFormat.Preface.Length + FrameLineFormat.TokenBytes;
        try
        {
            ReadResult read = await connection.Transport.Input.ReadAtLeastAsync(bytes, patience).ConfigureAwait(false);
            if (read.Buffer.Length < bytes) return null;
            string key = KeyOf(read.Buffer.Slice(FrameLineFormat.Preface.Length, FrameLineFormat.TokenBytes).ToArray());
            connection.Transport.Input.AdvanceTo(read.Buffer.GetPosition(bytes));
            return _offers.TryRemove(key, out FrameLineOffer? offer) && offer.TryTake(connection) ? offer : null;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return null;
        }
    }

    // Hot path: a frame that is here as a whole is copied once, into an array of its own.
    private static async Task CarryAsync(PipeReader input, FrameLineOffer offer)
    {
        byte[] frame = [];
        int filled = 0;
        long length = -1; // The frame that is under way; -1 between two.
        while (true)
        {
            ReadResult read = await input.ReadAsync().ConfigureAwait(false);
            ReadOnlySequence<byte> rest = read.Buffer;
            while (true)
            {
                if (length < 0)
                {
                    if (!TryReadHead(ref rest, out uint claim)) break;
                    if (claim > offer.FrameBytesMax) throw new InvalidDataException("A frame is larger than it may be.");
                    (length, filled, frame) = (claim, 0, NewArray((int)Math.Min(claim, ClaimBytesMax)));
                }

                Fill(ref rest, ref frame, ref filled, (int)length);
                if (filled < length) break;
                offer.Received(frame);
                length = -1;
            }

            input.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted) return;
        }
    }

    private static bool TryReadHead(ref ReadOnlySequence<byte> rest, out uint claim)
    {
        claim = 0;
        if (rest.Length < FrameLineFormat.HeadBytes) return false;
        Span<byte> head = stackalloc byte[FrameLineFormat.HeadBytes];
        rest.Slice(0, head.Length).CopyTo(head);
        claim = FrameLineFormat.ReadHead(head);
        rest = rest.Slice(head.Length);
        return true;
    }

    private static void Fill(ref ReadOnlySequence<byte> rest, ref byte[] frame, ref int filled, int length)
    {
        int more = (int)Math.Min(rest.Length, length - filled);
        if (filled + more > frame.Length) Array.Resize(ref frame, Math.Min(length, Math.Max(filled + more, frame.Length * 2)));
        rest.Slice(0, more).CopyTo(frame.AsSpan(filled));
        filled += more;
        rest = rest.Slice(more);
    }

    private static byte[] NewArray(int length) => length == 0 ? [] : GC.AllocateUninitializedArray<byte>(length);
}
