namespace Nori.Grpc.Tests;

/// <summary>What waits for a connection, and frames in parts; whole links are tested where there is a server.</summary>
public sealed class FrameLinkTests
{
    [Fact]
    public void The_oldest_whole_frames_go_when_there_is_no_room_and_are_counted()
    {
        using FrameQueue queue = new(framesMax: 3, bytesMax: 100);
        Assert.False(queue.TryAdd(new byte[1]));
        queue.SetOpen(true);
        for (byte i = 0; i < 5; i++) Assert.True(queue.TryAdd(new byte[] { i }));
        Assert.Equal(3, queue.Dropped);
        Assert.True(queue.TryAdd(new byte[98]));
        Assert.Equal([(byte)3, 4, 0], Take(queue).Select(f => f.Span[0]));
        Assert.True(queue.TryAdd(new byte[60]));
        Assert.True(queue.TryAdd(new byte[60]));
        Assert.Single(Take(queue));
        Assert.False(queue.TryAdd(new byte[101]));
        Assert.True(queue.TryAdd(new byte[1]));
        long before = queue.Dropped;
        queue.SetOpen(false);
        queue.SetOpen(true);
        Assert.Empty(Take(queue));
        Assert.Equal(before + 1, queue.Dropped);
    }

    [Fact]
    public void Parts_make_frames_and_too_many_bytes_end_the_stream()
    {
        FrameAssembler assembler = new(frameBytesMax: 10);
        Assert.True(assembler.TryAdd(new FramePart(new byte[] { 1, 2 }, true), out ReadOnlyMemory<byte> frame));
        Assert.Equal([1, 2], frame.ToArray());
        for (int round = 0; round < 2; round++)
        {
            Assert.False(assembler.TryAdd(new FramePart(new byte[] { 1, 2, 3 }, false), out _));
            for (int i = 0; i < 1000; i++) Assert.False(assembler.TryAdd(new FramePart(default, false), out _));
            Assert.False(assembler.TryAdd(new FramePart(new byte[] { 4 }, false), out _));
            Assert.True(assembler.TryAdd(new FramePart(new byte[] { 5 }, true), out frame));
            Assert.Equal([1, 2, 3, 4, 5], frame.ToArray());
        }

        Assert.False(assembler.TryAdd(new FramePart(new byte[6], false), out _));
        GrpcException e = Assert.Throws<GrpcException>(() => assembler.TryAdd(new FramePart(new byte[5], true), out _));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, e.Code);
    }

    private static List<ReadOnlyMemory<byte>> Take(FrameQueue queue)
    {
        List<ReadOnlyMemory<byte>> taken = [];
        while (queue.TryTake(out ReadOnlyMemory<byte> frame, out bool isLast))
        {
            taken.Add(frame);
            if (isLast) break;
        }

        return taken;
    }
}
