using System.Diagnostics.CodeAnalysis;

namespace NoriKV.Types;

/// <summary>A value or the reason why there is none. Expected outcomes travel as this, not as exceptions.</summary>
public readonly struct KvResult<T>
{
    private readonly T _value;

    private KvResult(T value, KvError? error) => (_value, Error) = (value, error);

    /// <summary>Null when it was done.</summary>
    public KvError? Error { get; }

    /// <summary>True when there is a value.</summary>
    public bool IsOk => Error is null;

    /// <summary>The value; asking for it when there is none is a bug.</summary>
    public T Value => Error is null ? _value : throw new InvalidOperationException($"no value: {Error.Message}");

    /// <summary>The value, if there is one.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T value, [NotNullWhen(false)] out KvError? error)
    {
        value = _value;
        error = Error;
        return error is null;
    }

    /// <summary>A value.</summary>
    public static implicit operator KvResult<T>(T value) => new(value, null);

    /// <summary>A reason.</summary>
    public static implicit operator KvResult<T>(KvError error) => new(default!, error);
}
