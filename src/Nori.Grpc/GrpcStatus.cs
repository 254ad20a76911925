namespace Nori.Grpc;

/// <summary>How a call ended: a code and a message for people.</summary>
/// <param name="Code">The code.</param>
/// <param name="Message">The message; empty for none. Travels as UTF-8, percent-encoded.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string Message)
{
    /// <summary>Success.</summary>
    public static GrpcStatus Ok { get; } = new(GrpcStatusCode.Ok, "");

    /// <summary>True when the code is <see cref="GrpcStatusCode.Ok"/>.</summary>
    public bool IsOk => Code == GrpcStatusCode.Ok;

    /// <inheritdoc/>
    public override string ToString() => Message is null or "" ? $"{Code}" : $"{Code}: {Message}";
}
