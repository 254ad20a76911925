using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Histories;

/// <summary>Pairs the calls and returns of a recorded history. Time is the number of the line.</summary>
internal sealed class HistoryBuilder
{
    private readonly Dictionary<int, (HistoryLine Line, int Number)> _open = [];
    private readonly List<Operation> _operations = [];

    public void Add(HistoryLine line, int number)
    {
        if (line.Event == HistoryEvent.Invoke)
        {
            if (!_open.TryAdd(line.Process, (line, number)))
            {
                throw new LineException(
                    1, $"process {line.Process} calls while its call of line {_open[line.Process].Number} is open");
            }

            return;
        }

        if (!_open.Remove(line.Process, out (HistoryLine Line, int Number) call))
            throw new LineException(1, $"process {line.Process} returns without a call");
        if (call.Line.Kind != line.Kind || call.Line.Key != line.Key)
        {
            throw new LineException(
                1, $"process {line.Process} returns from {line.Kind} of key {line.Key}, but its call of line {call.Number} is "
                + $"{call.Line.Kind} of key {call.Line.Key}");
        }

        switch (line.Event)
        {
            case HistoryEvent.Ok:
                _operations.Add(Build(call.Line, call.Number, number) with { Result = line.Value });
                break;
            case HistoryEvent.Fail when call.Line.Kind == OperationKind.CompareAndSet:
                _operations.Add(Build(call.Line, call.Number, number) with { Succeeded = false });
                break;
            case HistoryEvent.Fail:
                // It did not happen: it constrains nothing.
                break;
            default:
                AddUnknown(call.Line, call.Number);
                break;
        }
    }

    public IReadOnlyList<Operation> Finish()
    {
        foreach ((HistoryLine line, int number) in _open.Values.OrderBy(c => c.Number)) AddUnknown(line, number);
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
