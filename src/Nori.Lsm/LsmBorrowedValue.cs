using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>
/// A value where the engine has it, not copied; from <see cref="LsmEngine.Borrow"/>. Dispose it, and soon: until
/// then memtables and tables of its moment are kept.
/// </summary>
/// <remarks>One owner: do not dispose copies of it.</remarks>
public ref struct LsmBorrowedValue
{
    private readonly int _stripe;
    private ReadView? _view;
    private TableBorrowedLookup _held;

    internal LsmBorrowedValue(
        ReadView view, int stripe, LsmValueInfo info, ReadOnlySpan<byte> value, TableBorrowedLookup held)
    {
        _held = held;
        _view = view;
        _stripe = stripe;
        Info = info;
        Value = value;
    }

    /// <summary>False when the key has no value, or this was disposed.</summary>
    public readonly bool Found => _view is not null;

    /// <summary>The bytes, valid until <see cref="Dispose"/>; empty when there are none.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>What is known beside the bytes.</summary>
    public LsmValueInfo Info { get; }

    /// <summary>Gives it back; idempotent.</summary>
    public void Dispose()
    {
        ReadView? view = _view;
        _view = null;
        Value = default;
        _held.Dispose();
        view?.Exit(_stripe);
    }
}
