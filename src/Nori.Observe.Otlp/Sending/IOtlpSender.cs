namespace Nori.Observe.Otlp;

/// <summary>The way to a collector.</summary>
internal interface IOtlpSender : IDisposable
{
    /// <summary>Sends one request; whatever goes wrong is a result.</summary>
    ValueTask<SendResult> SendAsync(Signal signal, ReadOnlyMemory<byte> request, CancellationToken cancellationToken);
}
