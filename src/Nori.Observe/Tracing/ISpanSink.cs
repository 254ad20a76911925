namespace Nori.Observe;

/// <summary>Takes spans that ended. Never blocks and never throws; what it cannot take it drops and counts.</summary>
public interface ISpanSink
{
    /// <summary>Takes one span, which does not change any more.</summary>
    void Take(Span span);
}
