namespace NoriKV.TestKit.Simulation;

/// <summary>Makes a failing run smaller: shorter, with fewer faults, operations and clients, as long as the same promise breaks.</summary>
public static class SimulationMinimizer
{
    /// <summary>Searches for a smaller run that fails in the same way.</summary>
    /// <param name="failed">A report with violations.</param>
    /// <param name="attemptsMax">Most runs that are tried. <value>80</value></param>
    /// <returns>The smallest run found; the given one where none smaller fails.</returns>
    public static SimulationReport Minimize(SimulationReport failed, int attemptsMax = 80)
    {
        ArgumentNullException.ThrowIfNull(failed);
        if (failed.IsGood) return failed;
        var search = new Search(failed, attemptsMax);
        search.Shorten();
        search.LeaveFaultsOut();
        search.LeaveOperationsOut();
        search.LeaveClientsOut();
        search.LeaveFaultsOut();
        search.Shorten();
        return search.Best;
    }

    private sealed class Search(SimulationReport failed, int attempts)
    {
        private readonly string _checker = failed.Violations[0].Checker;
        private int _attempts = attempts;

        public SimulationReport Best { get; private set; } = failed;

        public void Shorten()
        {
            TimeSpan at = Best.Violations[0].At;
            TimeSpan safety = Best.Options.Safety ?? Best.SafetyPhase;
            for (TimeSpan shorter = Min(at + TimeSpan.FromSeconds(1), safety / 2); shorter > TimeSpan.FromMilliseconds(600);)
            {
                if (!Try(Best.Options with { Safety = shorter })) return;
                shorter /= 2;
            }
        }

        /// <summary>Zeller's delta debugging: halves first, then quarters, then single ones.</summary>
        public void LeaveFaultsOut()
        {
            for (int chunk = Math.Max(1, Best.FaultNumbers.Count); chunk >= 1; chunk /= 2)
            {
                for (int start = 0; start < Best.FaultNumbers.Count && _attempts > 0;)
                {
                    int[] chosen = [.. Best.FaultNumbers.Skip(start).Take(chunk)];
                    int[] without = [.. Best.Options.WithoutFaults.Concat(chosen).Order()];
                    if (!Try(Best.Options with { WithoutFaults = without })) start += chunk;
                }
            }
        }

        public void LeaveOperationsOut()
        {
            while (Best.Operations > 4 && Try(Best.Options with { OperationsMax = Best.Operations / 2 }))
            {
            }
        }

        public void LeaveClientsOut()
        {
            while (Best.Clients > 1 && Try(Best.Options with { Clients = Best.Clients - 1 }))
            {
            }
        }

        private bool Try(SimulationOptions options)
        {
            if (_attempts-- <= 0) return false;
            SimulationReport report = ClusterSimulation.Run(options);
            if (report.IsGood || report.Violations[0].Checker != _checker) return false;
            Best = report;
            return true;
        }

        private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
    }
}
