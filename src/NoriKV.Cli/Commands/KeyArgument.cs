using System.CommandLine;
using System.Text;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Commands;

/// <summary>A key on the command line: text, or any bytes with --key-b64.</summary>
internal sealed class KeyArgument
{
    private readonly Argument<string> _key = new("key") { Description = "The key" };

    private readonly Option<bool> _base64 = new("--key-b64") { Description = "The key is given as base64" };

    /// <summary>Adds it to a command.</summary>
    public static KeyArgument AddTo(Command command)
    {
        var key = new KeyArgument();
        command.Arguments.Add(key._key);
        command.Options.Add(key._base64);
        return key;
    }

    /// <summary>The key's bytes.</summary>
    public byte[] Read(ParseResult parse) => Decode(parse.GetValue(_key)!, parse.GetValue(_base64), "key");

    /// <summary>Text or base64 as bytes.</summary>
    public static byte[] Decode(string text, bool base64, string what)
    {
        if (!base64) return Encoding.UTF8.GetBytes(text);
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw new UsageException($"the {what} '{text}' is not base64");
        }
    }
}
