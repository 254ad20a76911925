using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NoriKV.Conformance;

/// <summary>The forms of bytes of the vocabulary.</summary>
internal sealed class Data(string scenario)
{
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];

    private string KeyPrefix => $"{scenario}/{_run}/";

    /// <summary>A key, prefix or end of a range: with the scenario's prefix.</summary>
    public byte[] Key(JsonElement form, string number)
    {
        if (form.ValueKind == JsonValueKind.Object)
        {
            if (form.TryGetProperty("raw", out JsonElement raw)) return Encoding.UTF8.GetBytes(raw.GetString()!);
            if (form.TryGetProperty("size", out JsonElement size))
                return Encoding.UTF8.GetBytes(KeyPrefix.PadRight(size.GetInt32(), 'k'));
        }

        return [.. Encoding.UTF8.GetBytes(KeyPrefix), .. Bytes(form, number)];
    }

    public byte[] Bytes(JsonElement form, string number)
    {
        if (form.ValueKind == JsonValueKind.String) return Encoding.UTF8.GetBytes(Text(form, number));
        if (form.TryGetProperty("hex", out JsonElement hex)) return Convert.FromHexString(hex.GetString()!);
        byte[] filled = new byte[form.GetProperty("times").GetInt32()];
        Array.Fill(filled, Convert.ToByte(form.GetProperty("fill").GetString(), 16));
        return filled;
    }

    public string Text(JsonElement form, string number) => form.GetString()!
        .Replace("{run}", KeyPrefix, StringComparison.Ordinal).Replace("{i}", number, StringComparison.Ordinal);

    /// <summary>A list of keys, spelled out or numbered.</summary>
    public byte[][] Keys(JsonElement form)
    {
        if (form.ValueKind == JsonValueKind.Array) return [.. form.EnumerateArray().Select(k => Key(k, ""))];
        int first = form.GetProperty("first").GetInt32(), last = form.GetProperty("last").GetInt32();
        string digits = "D" + form.GetProperty("digits").GetInt32().ToString(CultureInfo.InvariantCulture);
        return [.. Enumerable.Range(0, Math.Abs(last - first) + 1).Select(i => (last < first ? first - i : first + i))
            .Select(i => Encoding.UTF8.GetBytes(
                KeyPrefix + form.GetProperty("numbered").GetString() + i.ToString(digits, CultureInfo.InvariantCulture)))];
    }
}
