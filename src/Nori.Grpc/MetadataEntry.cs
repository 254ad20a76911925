using System.Text;

namespace Nori.Grpc;

/// <summary>One header or trailer: an ASCII string, or bytes when the key ends in <c>-bin</c>.</summary>
public readonly record struct MetadataEntry
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _bytes;

    internal MetadataEntry(string key, string text)
    {
        Key = key;
        _text = text;
    }

    internal MetadataEntry(string key, ReadOnlyMemory<byte> bytes)
    {
        Key = key;
        _bytes = bytes;
    }

    /// <summary>The key, in lower case.</summary>
    public string Key { get; }

    /// <summary>True when the value is bytes.</summary>
    public bool IsBinary => _text is null;

    /// <summary>The value as text.</summary>
    /// <exception cref="InvalidOperationException">The value is bytes.</exception>
    public string Value => _text ?? throw new InvalidOperationException($"'{Key}' is binary.");

    /// <summary>The value as bytes; those of the ASCII text when it is text.</summary>
    public ReadOnlyMemory<byte> ValueBytes => _text is null ? _bytes : Encoding.ASCII.GetBytes(_text);

    /// <summary>The value as it goes on the wire: the text, or base64 without padding.</summary>
    public string WireValue => _text ?? Convert.ToBase64String(_bytes.Span).TrimEnd('=');
}
