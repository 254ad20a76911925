using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>Pairs the calls and returns of a recorded history. Time is the number of the line.</summary>
internal sealed class HistoryBuilder(string name)
{
    private readonly Dictionary<int, (HistoryLine Line, int Number)> _open = [];
    private readonly List<Operation> _operations = [];

    public void Add(HistoryLine line, int number)
    {
        if (line.Type == "invoke")
        {
            if (!_open.TryAdd(line.Process, (line, number)))
                throw new HistoryFormatException(name, number, $"process {line.Process} calls while its last call is open");
            return;
        }

        if (!_open.Remove(line.Process, out (HistoryLine Line, int Number) call))
            throw new HistoryFormatException(name, number, $"process {line.Process} returns without a call");
        switch (line.Type)
        {
            case "ok":
                _operations.Add(Build(call.Line, call.Number, number) with { Result = line.Value });
                break;
            case "fail" when call.Line.Kind == OperationKind.CompareAndSet:
                _operations.Add(Build(call.Line, call.Number, number) with { Succeeded = false });
                break;
            case "fail":
                // It did not happen: it constrains nothing.
                break;
            case "info":
                AddUnknown(call.Line, call.Number);
                break;
            default:
                throw new HistoryFormatException(name, number, $"unknown type {line.Type}; known: invoke, ok, fail, info");
        }
    }

    public IReadOnlyList<Operation> Finish()
    {
        foreach ((HistoryLine line, int number) in _open.Values) AddUnknown(line, number);
        return _operations;
    }

    private void AddUnknown(HistoryLine line, int number)
    {
        // A read that told nobody anything constrains nothing.
        if (line.Kind != OperationKind.Read) _operations.Add(Build(line, number, Operation.Unknown));
    }

    private static Operation Build(HistoryLine line, long called, long returned) =>
        new(line.Process, called, returned, line.Key, line.Kind, line.Value, line.Expected);
}
