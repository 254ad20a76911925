namespace Nori.Swim.Core;

/// <summary>Why a stream request is out.</summary>
internal enum StreamPurpose
{
    Probe,
    Join,
    Exchange,
}
