namespace NoriKV.Cli.Formats;

/// <summary>How records are laid out in a file: one a line.</summary>
internal enum RecordFormat
{
    /// <summary><c>{"key":"…","value":"…"}</c>; bytes that are not UTF-8 as <c>key_b64</c>, <c>value_b64</c>.</summary>
    Jsonl,

    /// <summary>Key, tab, value; tab, line feed, carriage return and backslash escaped, other bytes as \xHH.</summary>
    Tsv,
}
