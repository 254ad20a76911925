using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NoriKV.Acceptance;

/// <summary>
/// A small ext4 file system in a file, mounted over a loop device, that can lose its power: EXT4_IOC_SHUTDOWN without a
/// flush drops every byte that no sync covered, as the kernel would at a power cut.
/// </summary>
internal sealed partial class LoopDisk : IAsyncDisposable
{
    private const nuint ShutdownRequest = 0x8004587D; // EXT4_IOC_SHUTDOWN, _IOR('X', 125, u32)
    private const uint NoLogFlush = 2; // EXT4_GOING_FLAGS_NOLOGFLUSH

    private readonly string _image;
    private bool _mounted;

    private LoopDisk(string folder)
    {
        _image = Path.Combine(folder, "disk.img");
        MountPoint = Directory.CreateDirectory(Path.Combine(folder, "disk")).FullName;
    }

    public string MountPoint { get; }

    public static async Task<LoopDisk> CreateAsync(string folder, long bytes)
    {
        var disk = new LoopDisk(folder);
        using (FileStream image = File.Create(disk._image)) image.SetLength(bytes);
        await RunAsync("mkfs.ext4", "-q", "-F", disk._image);
        await disk.MountAsync();
        return disk;
    }

    public async Task MountAsync()
    {
        await RunAsync("mount", "-o", "loop", _image, MountPoint);
        _mounted = true;
    }

    /// <summary>Cuts the power: from now on every call fails, and what was not synced is gone.</summary>
    public void LosePower()
    {
        int directory = Open(MountPoint, 0);
        Assert.True(directory >= 0, $"cannot open {MountPoint}: {Marshal.GetLastPInvokeErrorMessage()}");
        uint flags = NoLogFlush;
        int result = IoControl(directory, ShutdownRequest, ref flags);
        string error = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(directory);
        Assert.True(result == 0, $"the file system would not shut down: {error}");
    }

    /// <summary>Takes the dead file system away and mounts it again; its journal is replayed.</summary>
    public async Task RestorePowerAsync()
    {
        await UnmountAsync();
        await MountAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_mounted) await UnmountAsync();
    }

    private async Task UnmountAsync()
    {
        await RunAsync("umount", MountPoint);
        _mounted = false;
    }

    private static async Task RunAsync(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)}: {error}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(int descriptor, nuint request, ref uint argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
