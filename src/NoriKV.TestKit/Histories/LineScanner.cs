using System.Buffers;
using System.Text;

namespace NoriKV.TestKit.Histories;

/// <summary>Walks along a line of Jepsen's forms: words, numbers, strings, vectors, maps.</summary>
internal ref struct LineScanner(string line)
{
    private static readonly SearchValues<char> WordEnds = SearchValues.Create(" \t,()[]{}\"");

    private int _at;

    /// <summary>Where it stands, counted from 1.</summary>
    public readonly int Column => _at + 1;

    /// <summary>Where the next thing stands, counted from 1.</summary>
    public int NextColumn()
    {
        SkipSpace();
        return Column;
    }

    public readonly LineException Problem(string problem) => new(Column, problem);

    /// <summary>True at the end of the line, behind spaces and commas (which EDN counts as spaces).</summary>
    public bool AtEnd()
    {
        SkipSpace();
        return _at >= line.Length;
    }

    public bool TryTake(char expected)
    {
        SkipSpace();
        if (_at >= line.Length || line[_at] != expected) return false;
        _at++;
        return true;
    }

    public void Take(char expected)
    {
        if (!TryTake(expected)) throw Problem($"expected '{expected}', found {Found()}");
    }

    /// <summary>What stands up to the next space, comma or bracket; never empty.</summary>
    public ReadOnlySpan<char> TakeWord(string what)
    {
        SkipSpace();
        int length = line.AsSpan(_at).IndexOfAny(WordEnds);
        if (length < 0) length = line.Length - _at;
        if (length == 0) throw Problem($"expected {what}, found {Found()}");
        ReadOnlySpan<char> word = line.AsSpan(_at, length);
        _at += length;
        return word;
    }

    /// <summary>A word behind a colon.</summary>
    public ReadOnlySpan<char> TakeKeyword(string what)
    {
        SkipSpace();
        int at = _at;
        ReadOnlySpan<char> word = TakeWord(what);
        if (word.Length > 1 && word[0] == ':') return word[1..];
        throw new LineException(at + 1, $"expected {what}, which begins with a colon; found {word}");
    }

    /// <summary>
    /// One value, or the values of a vector; null for nil and for a keyword (a reason, not a value). None of a map or a list.
    /// </summary>
    public List<string?> TakeValue()
    {
        List<string?> values = [];
        if (!TryTake('['))
        {
            if (_at < line.Length && line[_at] is '{' or '(')
            {
                Skip();
            }
            else
            {
                values.Add(TakeScalar());
            }

            return values;
        }

        while (!TryTake(']'))
        {
            if (AtEnd()) throw Problem("expected ']', found the end of the line");
            values.Add(TakeScalar());
        }

        return values;
    }

    /// <summary>Passes over a value of any form.</summary>
    public void Skip()
    {
        SkipSpace();
        if (_at >= line.Length) throw Problem("expected a value, found the end of the line");
        int open = line[_at] switch { '[' => ']', '{' => '}', '(' => ')', _ => 0 };
        if (open == 0)
        {
            TakeScalar();
            return;
        }

        _at++;
        while (!TryTake((char)open))
        {
            if (AtEnd()) throw Problem($"expected '{(char)open}', found the end of the line");
            Skip();
        }
    }

    private string? TakeScalar()
    {
        SkipSpace();
        if (_at < line.Length && line[_at] == '"') return TakeString();
        ReadOnlySpan<char> word = TakeWord("a value");
        return word is "nil" || word[0] == ':' ? null : word.ToString();
    }

    private string TakeString()
    {
        int open = _at++;
        int length = line.AsSpan(_at).IndexOfAny('"', '\\');
        if (length >= 0 && line[_at + length] == '"')
        {
            _at += length + 1;
            return line[(open + 1)..(_at - 1)];
        }

        StringBuilder text = new();
        for (; _at < line.Length && line[_at] != '"'; _at++)
        {
            char c = line[_at];
            if (c == '\\' && ++_at < line.Length)
                c = line[_at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var itself => itself };
            text.Append(c);
        }

        if (_at >= line.Length) throw new LineException(open + 1, "a string that is not closed");
        _at++;
        return text.ToString();
    }

    private readonly string Found() => _at >= line.Length ? "the end of the line" : $"'{line[_at]}'";

    private void SkipSpace()
    {
        while (_at < line.Length && line[_at] is ' ' or '\t' or ',') _at++;
    }
}
