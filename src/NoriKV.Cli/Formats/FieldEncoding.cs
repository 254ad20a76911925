namespace NoriKV.Cli.Formats;

/// <summary>How a key or a value is written.</summary>
internal enum FieldEncoding
{
    /// <summary>As text; what is not UTF-8 is escaped or falls back to base64.</summary>
    Text,

    /// <summary>As base64, always.</summary>
    Base64,
}
