using Nori.Core;

namespace Nori.IO.Tests;

/// <summary>Random writes, cuts, syncs and crashes against a model that knows what each byte may be.</summary>
public sealed class CrashModelTests
{
    private const string Path = "/f";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void After_a_crash_each_byte_is_one_it_had_since_the_last_sync(ulong baseSeed)
    {
        for (ulong seed = baseSeed * 1000; seed < baseSeed * 1000 + 40; seed++)
        {
            try
            {
                Run(new Prng(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}; replay: Run(new Prng({seed}))", e);
            }
        }
    }

    private static void Run(Prng random)
    {
        MemoryFileSystem files = new(random.Seed);
        IFile file = files.Open(Path, FileOpen.CreateNew);
        files.SyncDirectory("/");
        Model model = new();
        for (int step = 0; step < 60; step++)
        {
            switch (random.NextInt(10))
            {
                case < 5:
                    byte[] data = new byte[random.NextInt(1, 3000)];
                    if (random.Chance(0.8)) random.Fill(data);
                    int offset = random.NextInt(12_000);
                    file.Write(offset, data);
                    model.Write(offset, data);
                    break;
                case 5:
                    int length = random.NextInt(15_000);
                    file.SetLength(length);
                    model.SetLength(length);
                    break;
                case 6:
                    file.Sync();
                    model.Sync();
                    break;
                case 7:
                    // The clone goes on; nothing done to the old one may show in it.
                    MemoryFileSystem old = files;
                    IFile oldFile = file;
                    files = files.Clone();
                    file = files.Open(Path, FileOpen.ReadWrite);
                    oldFile.Write(random.NextInt(12_000), new byte[] { 1, 2, 3 });
                    oldFile.SetLength(0);
                    old.Delete(Path);
                    break;
                case 8:
                    MemoryFileSystem after = files.Crash(random.NextUInt64());
                    byte[] left = after.ReadAllBytes(Path);
                    model.CheckCrash(left);
                    if (!random.Chance(0.3)) break;
                    files = after;
                    file = after.Open(Path, FileOpen.ReadWrite);
                    model.Become(left);
                    break;
                default:
                    model.CheckNow(files.ReadAllBytes(Path));
                    Assert.Equal(model.Durable, files.Crash(1, CrashMode.DropUnsynced).ReadAllBytes(Path));
                    break;
            }
        }
    }

    private sealed class Model
    {
        private byte[] _now = [];
        private readonly List<(int Offset, byte[] Data)> _unsynced = [];
        private long _lengthMax;

        public byte[] Durable { get; private set; } = [];

        public void Write(int offset, byte[] data)
        {
            if (_now.Length < offset + data.Length) Array.Resize(ref _now, offset + data.Length);
            data.CopyTo(_now, offset);
            _unsynced.Add((offset, data));
            _lengthMax = Math.Max(_lengthMax, _now.Length);
        }

        public void SetLength(int length)
        {
            Array.Resize(ref _now, length);
            _lengthMax = Math.Max(_lengthMax, length);
        }

        public void Sync() => Become((byte[])_now.Clone());

        public void Become(byte[] content)
        {
            Durable = (byte[])content.Clone();
            _now = (byte[])content.Clone();
            _unsynced.Clear();
            _lengthMax = content.Length;
        }

        public void CheckNow(byte[] actual) => Assert.Equal(_now, actual);

        public void CheckCrash(byte[] actual)
        {
            Assert.True(actual.Length <= _lengthMax, $"{actual.Length} bytes, never more than {_lengthMax}");
            for (int i = 0; i < actual.Length; i++)
            {
                byte b = actual[i];
                // A byte cut away and extended again, or in a gap, is zero.
                bool known = b == 0 || (i < Durable.Length && Durable[i] == b)
                    || _unsynced.Exists(w => (uint)(i - w.Offset) < w.Data.Length && w.Data[i - w.Offset] == b);
                Assert.True(known, $"byte {i} is {b}, which nobody wrote there");
            }
        }
    }
}
