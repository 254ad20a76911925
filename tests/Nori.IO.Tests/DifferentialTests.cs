using System.Globalization;
using Nori.Core;

namespace Nori.IO.Tests;

/// <summary>The same random calls on the disk and in memory: the same answers, the same errors, the same content.</summary>
public sealed class DifferentialTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nori-io-diff-").FullName;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Disk_and_memory_agree(ulong seed)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "POSIX rules for open and renamed files");
        MemoryFileSystem memory = new();
        memory.CreateDirectory(_directory);
        List<string> onDisk = Play(DiskFileSystem.Instance, new Prng(seed));
        List<string> inMemory = Play(memory, new Prng(seed));
        for (int i = 0; i < onDisk.Count; i++)
            Assert.True(onDisk[i] == inMemory[i], $"seed {seed}, call {i}\ndisk:   {onDisk[i]}\nmemory: {inMemory[i]}");
        Assert.Contains(onDisk, line => line.Contains("errno", StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private List<string> Play(IFileSystem files, Prng random)
    {
        List<string> answers = [];
        List<IFile> open = [];
        for (int i = 0; i < 600; i++)
        {
            string call = string.Empty;
            string answer;
            try
            {
                answer = Step(files, open, random, out call);
            }
            catch (StorageException e)
            {
                answer = $"{e.Operation} errno {e.Errno}";
            }

            answers.Add($"{call} -> {answer}");
        }

        open.ForEach(file => file.Dispose());
        return answers;
    }

    private string Step(IFileSystem files, List<IFile> open, Prng random, out string call)
    {
        string a = Name(random), b = Name(random);
        int operation = random.NextInt(open.Count > 0 ? 13 : 6);
        IFile? file = open.Count > 0 ? open[random.NextInt(open.Count)] : null;
        int offset = random.NextInt(20_000), count = random.NextInt(6000);
        call = $"{operation} {Path.GetFileName(a)} {Path.GetFileName(b)} {Path.GetFileName(file?.Path)} {offset} {count}";
        switch (operation)
        {
            case 0 or 1:
                IFile opened = files.Open(a, random.Chance(0.5) ? FileOpen.OpenOrCreate : (FileOpen)random.NextInt(1, 4));
                open.Add(opened);
                return opened.Length.ToString(CultureInfo.InvariantCulture);
            case 2:
                files.Rename(a, b);
                return "done";
            case 3:
                files.HardLink(a, b);
                return "done";
            case 4:
                files.Delete(a);
                return "done";
            case 5:
                files.SyncDirectory(_directory);
                string names = string.Join(',', files.List(_directory));
                return $"{files.FileExists(a)} {files.DirectoryExists(a)} {names}";
            case 6 or 7 or 8:
                byte[] data = new byte[count];
                random.Fill(data);
                file!.Write(offset, data);
                return file.Length.ToString(CultureInfo.InvariantCulture);
            case 9:
                file!.SetLength(offset);
                return file.Length.ToString(CultureInfo.InvariantCulture);
            case 10:
                file!.Sync();
                open.Remove(file);
                file.Dispose();
                return "closed";
            default:
                byte[] buffer = new byte[count];
                int read = file!.Read(offset, buffer);
                return $"{read} {XxHash64.Hash(buffer)} of {file.Length}";
        }
    }

    private string Name(Prng random) => Path.Combine(_directory, "f" + random.NextInt(6));
}
