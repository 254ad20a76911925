using System.Globalization;

namespace NoriKV.Cli.Chaos.Network;

/// <summary>
/// Who dialled: a connection on loopback shows only a port, and whose it is stands in /proc. So nodes need not know that there is
/// anything between them.
/// </summary>
internal sealed class SourceFinder(Func<IReadOnlyList<(int Process, int Party)>> nodes, int clients)
{
    /// <summary>The party that has the local port; null when nobody has it any more.</summary>
    public int? Find(int port)
    {
        if (InodeOf(port) is not { } inode) return null;
        string target = $"socket:[{inode}]";
        foreach ((int process, int party) in nodes())
        {
            if (Has($"/proc/{process}/fd", target)) return party;
        }

        return Has("/proc/self/fd", target) ? clients : null;
    }

    // "  sl  local_address rem_address st … inode": the tenth column, the address as hex:hex.
    private static string? InodeOf(int port)
    {
        string suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        foreach (string table in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
        {
            if (!File.Exists(table)) continue;
            foreach (string line in File.ReadLines(table).Skip(1))
            {
                string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                const string Established = "01";
                if (columns.Length > 9 && columns[3] == Established && columns[1].EndsWith(suffix, StringComparison.Ordinal))
                    return columns[9];
            }
        }

        return null;
    }

    private static bool Has(string folder, string target)
    {
        try
        {
            foreach (string file in Directory.EnumerateFileSystemEntries(folder))
            {
                if (TargetOf(file) == target) return true;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process is gone.
        }

        return false;
    }

    private static string? TargetOf(string file)
    {
        try
        {
            return new FileInfo(file).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
