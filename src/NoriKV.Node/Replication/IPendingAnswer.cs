namespace NoriKV.Node.Replication;

/// <summary>Somebody waits for this; it is answered exactly once, by its deadline or the end of the node at the latest.</summary>
/// <remarks>Thread-safe.</remarks>
internal interface IPendingAnswer
{
    /// <summary>True once there is an answer.</summary>
    bool IsAnswered { get; }

    /// <summary>Answers it where its deadline has come or its caller gave up; true when it needs no more watching.</summary>
    bool ExpireIfDue(long now);

    /// <summary>The node goes no further: answers it with the reason.</summary>
    void Fail(string why);

    /// <summary>Wakes whoever waits; called once, behind the answer.</summary>
    void Complete();
}
