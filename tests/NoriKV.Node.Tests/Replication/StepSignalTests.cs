using NoriKV.Node.Replication;

namespace NoriKV.Node.Tests.Replication;

public sealed class StepSignalTests
{
    [Fact]
    public void Who_steps_by_himself_takes_what_was_set_once()
    {
        using var signal = new StepSignal();
        Assert.False(signal.TryTake());
        signal.Set();
        signal.Set();
        Assert.True(signal.IsSet);
        Assert.True(signal.TryTake());
        Assert.False(signal.TryTake());
    }

    [Fact]
    public void What_was_set_before_anybody_could_sleep_ends_the_first_wait()
    {
        using var signal = new StepSignal();
        signal.Set();
        signal.Attach();
        signal.Wait(Timeout.Infinite);
        Assert.False(signal.IsSet);

        // And from here on each set ends one wait.
        signal.Set();
        signal.Wait(Timeout.Infinite);
        Assert.False(signal.IsSet);
    }

    [Fact]
    public void Setting_one_that_is_closed_does_nothing()
    {
        var signal = new StepSignal();
        signal.Attach();
        signal.Dispose();
        signal.Set();
        Assert.True(signal.IsSet);
    }
}
