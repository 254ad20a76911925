using Nori.Core;
using Nori.Swim.Sealing;

namespace Nori.Swim.Tests;

public sealed class EnvelopeTests
{
    private static readonly ReadOnlyMemory<byte> Old = "an old key of the tests"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> New = "a new key of the tests"u8.ToArray();
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(2);

    [Fact]
    public void What_was_sealed_opens_once_and_shows_nothing_of_the_message()
    {
        using Envelope a = Create([Old]), b = Create([Old]);
        byte[] message = "a message that must not be seen"u8.ToArray();
        byte[] sealed_ = a.Seal(message);
        Assert.Equal(message.Length + Envelope.OverheadBytes, sealed_.Length);
        Assert.True(sealed_.AsSpan().IndexOf("message"u8) < 0);
        Assert.Equal(SealResult.Ok, b.TryOpen(sealed_, out byte[] opened));
        Assert.Equal(message, opened);
        Assert.Equal(SealResult.Replayed, b.TryOpen(sealed_, out opened));
        Assert.Empty(opened);
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_refused()
    {
        using Envelope a = Create([Old]), b = Create([Old]);
        byte[] sealed_ = a.Seal("twelve bytes"u8);
        for (int bit = 0; bit < sealed_.Length * 8; bit++)
        {
            byte[] flipped = [.. sealed_];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SealResult.Ok, b.TryOpen(flipped, out _));
        }

        for (int length = 0; length < sealed_.Length; length++)
            Assert.NotEqual(SealResult.Ok, b.TryOpen(sealed_.AsSpan(0, length), out _));
        Assert.Equal(0, b.Sessions);
        Assert.Equal(SealResult.Ok, b.TryOpen(sealed_, out _));
    }

    [Fact]
    public void Random_bytes_are_refused_and_leave_no_trace()
    {
        const ulong seed = 1;
        Prng prng = new(seed);
        using Envelope b = Create([Old]), plain = Create([]);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = new byte[prng.NextInt(120)];
            prng.Fill(bytes);
            if (bytes.Length > 1) (bytes[0], bytes[1]) = (0x4E, (byte)prng.NextInt(3));
            Assert.NotEqual(SealResult.Ok, b.TryOpen(bytes, out _));
            plain.TryOpen(bytes, out _);
        }

        Assert.Equal(0, b.Sessions);
    }

    [Fact]
    public void Keys_are_rotated_without_a_moment_of_silence()
    {
        using Envelope a = Create([Old]), b = Create([Old]);
        Check(SealResult.Ok);
        b.SetKeys([Old, New]);
        Check(SealResult.Ok);
        a.SetKeys([New, Old]);
        Check(SealResult.Ok);
        b.SetKeys([New, Old]);
        Check(SealResult.Ok);
        a.SetKeys([New]);
        b.SetKeys([New]);
        Check(SealResult.Ok);
        using Envelope late = Create([Old]);
        Assert.Equal(SealResult.UnknownKey, b.TryOpen(late.Seal("x"u8), out _));

        void Check(SealResult expected)
        {
            Assert.Equal(expected, b.TryOpen(a.Seal("x"u8), out _));
            Assert.Equal(expected, a.TryOpen(b.Seal("x"u8), out _));
        }
    }

    [Fact]
    public void Plain_and_sealed_do_not_mix()
    {
        using Envelope keyed = Create([Old]), plain = Create([]);
        Assert.Equal(SealResult.Unsealed, keyed.TryOpen(plain.Seal("x"u8), out _));
        Assert.Equal(SealResult.Unsealed, plain.TryOpen(keyed.Seal("x"u8), out _));
        Assert.Equal(SealResult.Ok, plain.TryOpen(plain.Seal("x"u8), out byte[] message));
        Assert.Equal("x"u8.ToArray(), message);
    }

    [Fact]
    public void Reordering_within_the_window_is_fine_and_behind_it_is_not()
    {
        ReplayWindow window = new();
        Assert.True(window.TryAccept(5_000));
        Assert.True(window.TryAccept(5_000 - ReplayWindow.Size + 1));
        Assert.False(window.TryAccept(5_000 - ReplayWindow.Size));
        Assert.False(window.TryAccept(5_000));
        Assert.True(window.TryAccept(5_100));
        Assert.True(window.TryAccept(4_999));
        Assert.False(window.TryAccept(4_999));
        Assert.True(window.TryAccept(uint.MaxValue));
        Assert.False(window.TryAccept(5_101));
    }

    [Fact]
    public void The_window_accepts_each_counter_once_as_a_set_would()
    {
        const ulong seed = 7;
        Prng prng = new(seed);
        ReplayWindow window = new();
        HashSet<uint> seen = [];
        uint highest = 0;
        for (int i = 0; i < 50_000; i++)
        {
            uint counter = (uint)Math.Max(1, highest + prng.NextInt(1_200) - 1_100);
            bool expected = (highest < counter || highest - counter < ReplayWindow.Size) && !seen.Contains(counter);
            Assert.True(expected == window.TryAccept(counter), $"seed {seed}, step {i}, counter {counter}, highest {highest}");
            if (expected) seen.Add(counter);
            highest = Math.Max(highest, counter);
        }
    }

    [Fact]
    public void A_recording_of_an_unknown_session_goes_stale_and_a_known_session_survives_a_clock_jump()
    {
        SetTime sender = new(), receiver = new();
        using Envelope a = new([Old], sender, Tolerance), b = new([Old], receiver, Tolerance);
        byte[] recorded = a.Seal("x"u8);
        receiver.Now += TimeSpan.FromMinutes(3);
        Assert.Equal(SealResult.Stale, b.TryOpen(recorded, out _));
        receiver.Now -= TimeSpan.FromMinutes(2);
        Assert.Equal(SealResult.Ok, b.TryOpen(recorded, out _));
        receiver.Now += TimeSpan.FromDays(1);
        Assert.Equal(SealResult.Ok, b.TryOpen(a.Seal("x"u8), out _));
        Assert.Equal(SealResult.Replayed, b.TryOpen(recorded, out _));
    }

    private static Envelope Create(IReadOnlyList<ReadOnlyMemory<byte>> keys) => new(keys, TimeProvider.System, Tolerance);

    private sealed class SetTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 22, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
