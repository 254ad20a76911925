using Nori.Core;

namespace Nori.Swim.Core.Tests;

public sealed class SuspectListTests
{
    // A kept deadline that is too late holds a dead member alive; one that is too early spins.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_kept_deadline_is_always_the_least_there_is(ulong seed)
    {
        Prng prng = new(seed);
        SuspectList list = new();
        List<Member> model = [];
        for (int step = 0; step < 20_000; step++)
        {
            Member? one = model.Count > 0 ? model[prng.NextInt(model.Count)] : null;
            switch (prng.NextInt(5))
            {
                case 0 when model.Count < 20:
                    Member added = new(new MemberId($"m{step}")) { Suspicion = New(step) };
                    model.Add(added);
                    list.Add(added);
                    break;
                case 1 when one is not null:
                    model.Remove(one);
                    list.Remove(one);
                    break;
                case 2 when one is not null && one.Suspicion!.Confirm([(byte)step]):
                    list.Note(one);
                    break;
                case 3 when one is not null:
                    one.Suspicion = New(step);
                    list.NoteLater();
                    break;
                case 4 when prng.Chance(0.1):
                    list.Shift(prng.NextInt(500));
                    break;
            }

            long least = model.Count == 0 ? long.MaxValue : model.Min(static m => m.Suspicion!.Deadline);
            Assert.True(least == list.NextDeadline, $"seed {seed}, step {step}: {list.NextDeadline}, not {least}");
        }

        Suspicion New(int step) => new(step, 10 + prng.NextInt(1_000), 3_000, prng.NextInt(4), [0]);
    }
}
