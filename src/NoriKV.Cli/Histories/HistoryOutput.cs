using System.Globalization;
using System.Text.Json;
using NoriKV.Cli.Console;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.Cli.Histories;

/// <summary>Prints a verdict: for people a line and a picture, for programs one object a line.</summary>
internal sealed class HistoryOutput(CliHost host, bool json, bool quiet)
{
    public void Print(HistoryVerdict verdict)
    {
        if (json) host.WriteLine(JsonOutput.Line(w => Write(w, verdict)));
        else if (verdict is { Problem: null, Verdict: { } judged }) PrintText(verdict, judged);
        else host.Error.WriteLine($"norikv: {verdict.File}: {verdict.Problem}");
    }

    /// <summary>How many calls and keys, and how many keys contradict.</summary>
    public static string Figures(int calls, Verdict verdict)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{calls:N0} calls, {Keys(verdict.KeysChecked)}");
        if (verdict.KeysContradicting > 1) text += $", {verdict.KeysContradicting} of them contradict";
        return verdict.UndecidedKeys.Count > 0 ? $"{text}, {verdict.UndecidedKeys.Count} undecided" : text;
    }

    private static string Keys(int keys) =>
        keys == 1 ? "1 key" : string.Create(CultureInfo.InvariantCulture, $"{keys:N0} keys");

    private void PrintText(HistoryVerdict file, Verdict verdict)
    {
        string word = verdict.IsLinearizable ? "linearizable" : "NOT linearizable";
        host.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{file.File}: {word} ({Figures(file.Calls, verdict)}; {file.Took.TotalSeconds:F3} s)"));
        if (verdict.Contradiction is { } contradiction && !quiet)
            host.WriteLine("\n" + ContradictionPicture.ToText(contradiction));
    }

    private static void Write(Utf8JsonWriter json, HistoryVerdict file)
    {
        json.WriteString("file", file.File);
        if (file.Problem is not null) json.WriteString("problem", file.Problem);
        if (file.Verdict is not { } verdict) return;
        if (file.Problem is null) json.WriteBoolean("linearizable", verdict.IsLinearizable);
        json.WriteNumber("calls", file.Calls);
        json.WriteNumber("keys", verdict.KeysChecked);
        json.WriteNumber("keys_contradicting", verdict.KeysContradicting);
        json.WriteNumber("keys_undecided", verdict.UndecidedKeys.Count);
        json.WriteNumber("seconds", Math.Round(file.Took.TotalSeconds, 6));
        if (verdict.Contradiction is { } contradiction) Write(json, contradiction);
    }

    private static void Write(Utf8JsonWriter json, Contradiction contradiction)
    {
        json.WriteStartObject("contradiction");
        json.WriteString("key", contradiction.Key);
        json.WriteNumber("left_out", contradiction.LeftOut);
        json.WriteBoolean("begins_anywhere", contradiction.BeginsAnywhere);
        json.WriteStartArray("calls");
        foreach (Operation o in contradiction.Operations)
        {
            json.WriteStartObject();
            json.WriteNumber("client", o.Client);
            json.WriteNumber("called", o.Called);
            if (o.IsKnown) json.WriteNumber("returned", o.Returned);
            json.WriteString("call", o.ToString());
            if (o == contradiction.Culprit) json.WriteBoolean("culprit", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
