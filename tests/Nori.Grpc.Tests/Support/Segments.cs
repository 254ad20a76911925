using System.Buffers;

namespace Nori.Grpc.Tests;

/// <summary>Makes a sequence of several segments out of an array, as a socket would.</summary>
internal sealed class Segments : ReadOnlySequenceSegment<byte>
{
    private Segments(ReadOnlyMemory<byte> memory, long runningIndex)
    {
        Memory = memory;
        RunningIndex = runningIndex;
    }

    /// <summary>The bytes cut into pieces of the given size; empty segments between them.</summary>
    public static ReadOnlySequence<byte> Cut(byte[] bytes, int pieceBytes)
    {
        var first = new Segments(default, 0);
        Segments last = first;
        for (int offset = 0; offset < bytes.Length; offset += pieceBytes)
        {
            last = last.Append(bytes.AsMemory(offset, Math.Min(pieceBytes, bytes.Length - offset)));
            last = last.Append(default);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private Segments Append(ReadOnlyMemory<byte> memory)
    {
        var next = new Segments(memory, RunningIndex + Memory.Length);
        Next = next;
        return next;
    }
}
