using System.Security.Cryptography;

namespace Nori.Grpc;

/// <summary>How a <see cref="FrameLink"/> behaves.</summary>
public sealed record FrameLinkOptions
{
    /// <summary>Where to, and how.</summary>
    public required GrpcChannelOptions Channel { get; init; }

    /// <summary>The duplex method that takes the frames: <see cref="FramePart.Method"/>.</summary>
    public required GrpcMethod<FramePart, FramePart> Method { get; init; }

    /// <summary>The first message of each connection: who calls.</summary>
    public required ReadOnlyMemory<byte> Hello { get; init; }

    /// <summary>
    /// Judges the server's first message, its answer to the hello: null to go on, else why not. Frames are sent behind it.
    /// </summary>
    public required Func<ReadOnlyMemory<byte>, string?> Judge { get; init; }

    /// <summary>
    /// The token of a line (<see cref="FrameLineFormat"/>) in the server's first message; empty where it has none. Frames then
    /// go over a connection of their own, unless that cannot be made. Null: frames go in the call.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>? LineTokenOf { get; init; }

    /// <summary>Told of each error that a call ended with, before it is made again; must neither block nor throw.</summary>
    public Action<GrpcException>? Failed { get; init; }

    /// <summary>Metadata of the call.</summary>
    public Metadata? Headers { get; init; }

    /// <summary>Frames that wait; beyond, the oldest go.</summary>
    /// <value>Default: 4,096.</value>
    public int QueueFramesMax { get; init; } = 4096;

    /// <summary>Bytes that wait; beyond, the oldest frames go. A frame above it is dropped at once.</summary>
    /// <value>Default: 64 MiB.</value>
    public long QueueBytesMax { get; init; } = 64L << 20;

    /// <summary>A larger frame travels in parts of this size: below what the server takes in one message.</summary>
    /// <value>Default: 1 MiB.</value>
    public int PartBytesMax { get; init; } = 1 << 20;

    /// <summary>The pause after a first failure; it doubles with each further one. A random part of it is waited.</summary>
    /// <value>Default: 50 ms.</value>
    public TimeSpan BackoffMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause.</summary>
    /// <value>Default: 2 s.</value>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the answer to the hello may take.</summary>
    /// <value>Default: 5 s.</value>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Draws the pauses.</summary>
    /// <value>Default: random.</value>
    public ulong Seed { get; init; } = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>The clock of the pauses.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem with these options; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [.. Channel.Validate()];
        if (Method.Kind != GrpcMethodKind.Duplex) problems.Add($"{nameof(Method)} must be duplex.");
        if (QueueFramesMax <= 0) problems.Add($"{nameof(QueueFramesMax)} must be positive.");
        if (QueueBytesMax <= 0) problems.Add($"{nameof(QueueBytesMax)} must be positive.");
        if (PartBytesMax <= 0) problems.Add($"{nameof(PartBytesMax)} must be positive.");
        if (BackoffMin <= TimeSpan.Zero) problems.Add($"{nameof(BackoffMin)} must be positive.");
        if (BackoffMax < BackoffMin) problems.Add($"{nameof(BackoffMax)} must not be below {nameof(BackoffMin)}.");
        if (HelloTimeout <= TimeSpan.Zero) problems.Add($"{nameof(HelloTimeout)} must be positive.");
        return problems;
    }
}
