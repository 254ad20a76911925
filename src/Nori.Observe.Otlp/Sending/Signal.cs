namespace Nori.Observe.Otlp;

/// <summary>What is sent.</summary>
internal enum Signal
{
    Traces,
    Metrics,
}
