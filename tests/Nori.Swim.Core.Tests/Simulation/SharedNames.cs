using System.Text;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>Each id and address once for all cores of a cluster: a thousand of them know a thousand each.</summary>
internal sealed class SharedNames : Names
{
    private readonly Dictionary<string, (string Text, byte[] Bytes)> _known = new(StringComparer.Ordinal);

    public override (string Text, byte[] Bytes) Keep(ReadOnlySpan<byte> ascii)
    {
        string text = Encoding.ASCII.GetString(ascii);
        if (!_known.TryGetValue(text, out (string Text, byte[] Bytes) name)) _known[text] = name = (text, ascii.ToArray());
        return name;
    }
}
