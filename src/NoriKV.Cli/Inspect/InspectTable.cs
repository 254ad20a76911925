namespace NoriKV.Cli.Inspect;

/// <summary>Rows under column names; cells are text or numbers.</summary>
/// <param name="Name">What the rows are.</param>
/// <param name="Columns">Their names, as JSON has them.</param>
internal sealed record InspectTable(string Name, params string[] Columns)
{
    /// <summary>The rows, a cell for each column.</summary>
    public List<object[]> Rows { get; } = [];

    /// <summary>Adds a row.</summary>
    public void Add(params object[] cells) => Rows.Add(cells);
}
