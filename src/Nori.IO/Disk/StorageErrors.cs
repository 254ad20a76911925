using System.Runtime.InteropServices;

namespace Nori.IO;

/// <summary>Translates what the system or the BCL reports into <see cref="StorageException"/>.</summary>
internal static class StorageErrors
{
    /// <summary>The failure of the last system call.</summary>
    public static StorageException Last(string operation, string path) =>
        FromErrno(operation, path, Marshal.GetLastPInvokeError());

    public static StorageException FromErrno(string operation, string path, int errno) =>
        new(operation, path, errno, $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");

    /// <summary>True for what the BCL throws when a file system refuses.</summary>
    public static bool IsRefusal(Exception e) =>
        e is (IOException or UnauthorizedAccessException) and not StorageException;

    public static StorageException From(string operation, string path, Exception e) =>
        new(operation, path, ErrnoOf(e), e.Message);

    private static int ErrnoOf(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException or DriveNotFoundException => Errno.NoEntry,
        UnauthorizedAccessException => Errno.Access,
        // On Unix the BCL carries errno itself in HResult; on Windows 0x8007 and the Win32 code.
        _ when e.HResult is > 0 and < 4096 => e.HResult,
        _ => (e.HResult & 0xFFFF) switch
        {
            0x70 or 0x27 when OperatingSystem.IsWindows() => Errno.NoSpace,
            0x50 or 0xB7 when OperatingSystem.IsWindows() => Errno.Exists,
            _ => Errno.IO,
        },
    };
}
