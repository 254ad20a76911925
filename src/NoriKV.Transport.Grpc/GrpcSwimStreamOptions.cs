using System.Net.Security;

namespace NoriKV.Transport.Grpc;

/// <summary>How <see cref="GrpcSwimStream"/> reaches others.</summary>
public sealed record GrpcSwimStreamOptions
{
    /// <summary>For a whole exchange. Default 5 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest answer taken. Default 4 MiB: what 4,096 members with the largest metadata need.</summary>
    public int MessageBytesMax { get; init; } = 4 << 20;

    /// <summary>Exchanges answered at once; further ones are refused. Default 64.</summary>
    public int AnswersMax { get; init; } = 64;

    /// <summary>Trust and own certificate where the members serve with TLS; null for plaintext.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>Measures the timeout.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Every problem of these options; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (Timeout <= TimeSpan.Zero) problems.Add("Timeout must be above 0");
        if (MessageBytesMax < 1) problems.Add("MessageBytesMax must be above 0");
        if (AnswersMax < 1) problems.Add("AnswersMax must be above 0");
        return problems;
    }
}
