const watched = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Does something when a signal is aborted; what is returned forgets it again. All that one signal gives up shares one listener: an event
 * target with many is warned of as a leak. It goes with the last of them, else a signal composed of others could not be collected.
 */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => {};
  let acts = watched.get(signal);
  if (!acts) {
    watched.set(signal, acts = new Set());
    signal.addEventListener('abort', aborted, { once: true });
  }
  acts.add(act);
  return () => {
    if (!acts.delete(act) || acts.size > 0 || watched.get(signal) !== acts) return;
    watched.delete(signal);
    signal.removeEventListener('abort', aborted);
  };
}

function aborted(this: AbortSignal): void {
  const acts = watched.get(this);
  watched.delete(this);
  acts?.forEach((act) => act()); // one that another forgets meanwhile is left out
}
