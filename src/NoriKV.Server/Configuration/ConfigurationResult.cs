namespace NoriKV.Server;

/// <summary>The options, or every problem there is with their sources.</summary>
/// <param name="Options">The options; null when there are errors.</param>
/// <param name="Errors">Each names its source and key.</param>
/// <param name="Warnings">What is odd but does no harm.</param>
public sealed record ConfigurationResult(
    ServerOptions? Options, IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings);
