using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Cli.Explain;

/// <summary>What an explained call came to.</summary>
/// <param name="Trace">Where it went, as the node told.</param>
/// <param name="Took">How long the caller waited, the way to the node and back included.</param>
/// <param name="Found">The key is there.</param>
/// <param name="Version">Its version; none.</param>
/// <param name="Bytes">Of the value that was read.</param>
/// <param name="Error">Why it failed; null where it did not.</param>
internal sealed record Explained(RequestTrace Trace, TimeSpan Took, bool Found, KvVersion Version, int Bytes, KvError? Error);
