using NoriKV.Client;
using NoriKV.Client.Behaviour;

namespace NoriKV.Embedded.Tests;

/// <summary>The behaviour of a node in the process, in memory.</summary>
public sealed class EmbeddedBehaviourTests(EmbeddedFixture fixture) : NoriKVBehaviour, IClassFixture<EmbeddedFixture>
{
    protected override INoriKV Store => fixture.Store;
}
