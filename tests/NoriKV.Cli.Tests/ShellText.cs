using System.Text;
using System.Text.RegularExpressions;

namespace NoriKV.Cli.Tests;

/// <summary>As much of a shell's grammar as the documentation uses: enough to find the command lines in it.</summary>
internal static partial class ShellText
{
    private static readonly HashSet<string> Ends = new(StringComparer.Ordinal) { "&&", "||", "|", ";", "&", "do", "then" };
    private static readonly HashSet<string> Openers = new(StringComparer.Ordinal) { "until", "while", "if", "!", "sudo", "time", "exec" };

    /// <summary>The commands of a script, each as its words; redirections and assignments before a command are left out.</summary>
    public static IEnumerable<string[]> Commands(string script)
    {
        foreach (string whole in script.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
        {
            // What a substitution gives is not known; it stands for one word, and is a command itself.
            foreach (Match inner in Substitution().Matches(whole))
            {
                foreach (string[] command in Commands(inner.Groups[1].Value)) yield return command;
            }

            string line = Substitution().Replace(whole, "1");
            List<string> words = [];
            foreach (string word in Words(line).Append(";"))
            {
                if (!Ends.Contains(word))
                {
                    words.Add(word);
                    continue;
                }

                string[] command = Bare(words);
                if (command.Length > 0) yield return command;
                words = [];
            }
        }
    }

    private static string[] Bare(List<string> words)
    {
        int begin = 0;
        while (begin < words.Count && (Openers.Contains(words[begin]) || IsAssignment(words[begin]))) begin++;
        int redirection = words.FindIndex(begin, static w => w is ">" or "<" or ">>" || w.StartsWith("2>", StringComparison.Ordinal));
        return [.. words[begin..(redirection < 0 ? words.Count : redirection)]];
    }

    private static bool IsAssignment(string word)
    {
        int sign = word.IndexOf('=', StringComparison.Ordinal);
        return sign > 0 && word[..sign].All(static c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_');
    }

    private static IEnumerable<string> Words(string line)
    {
        var word = new StringBuilder();
        bool any = false;
        char quote = '\0';
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word.Append(c);
            }
            else if (c is '\'' or '"')
            {
                quote = c;
                any = true;
            }
            else if (c == '#' && word.Length == 0 && !any) break;
            else if (c is ' ' or '\t' or ';' or '|' or '&')
            {
                if (word.Length > 0 || any) yield return word.ToString();
                word.Clear();
                any = false;
                if (c is ' ' or '\t') continue;
                bool twice = i + 1 < line.Length && line[i + 1] == c;
                yield return twice ? $"{c}{c}" : $"{c}";
                if (twice) i++;
            }
            else word.Append(c);
        }

        if (word.Length > 0 || any) yield return word.ToString();
    }

    [GeneratedRegex(@"\$\(([^()]*)\)")]
    private static partial Regex Substitution();
}
