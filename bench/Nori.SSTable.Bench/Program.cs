using Nori.Compression;
using Nori.SSTable.Bench;

// Self-timed: build, cached gets, seeks and scans of one table on the real file system, one line a
// measurement.
//   dotnet run -c Release --project bench/Nori.SSTable.Bench [-- SECONDS]
double seconds = args.Length > 0
    ? double.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture)
    : 1;
foreach (CompressionType compression in new[] { CompressionType.None, CompressionType.Lz4 })
{
    using var table = new TableBench(entries: 500_000, valueBytes: 100, compression, seconds);
    table.Run();
}

foreach (CompressionType compression in Enum.GetValues<CompressionType>())
{
    using var table = new TableBench(entries: 60_000, valueBytes: 1024, compression, seconds);
    table.Run();
}
