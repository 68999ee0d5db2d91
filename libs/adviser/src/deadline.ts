/** The end of a wait: its time is over, or one of its signals is aborted. */
export interface Deadline {
  /** Aborted when the wait ends. */
  readonly signal: AbortSignal
  /** Resolves with the reason for the end; never resolves when it was cleared before. */
  readonly ended: Promise<'timeout' | 'cancelled'>
  /** Must be called; removes the timer and the listeners. */
  clear(): void
}

/** A wait of at most `ms` that any of the signals ends earlier. */
export function startDeadline(ms: number, signals: readonly AbortSignal[]): Deadline {
  const controller = new AbortController()
  let resolve: (why: 'timeout' | 'cancelled') => void
  const ended = new Promise<'timeout' | 'cancelled'>((settle) => {
    resolve = settle
  })
  const end = (why: 'timeout' | 'cancelled'): void => {
    clear()
    // Sets the reason first, so that it is known before the call notices its abort.
    resolve(why)
    controller.abort()
  }
  const cancel = (): void => end('cancelled')
  const timer = setTimeout(end, ms, 'timeout')
  function clear(): void {
    clearTimeout(timer)
    for (const signal of signals) signal.removeEventListener('abort', cancel)
  }
  // Not AbortSignal.any: some versions of Node 20 collect a timeout that only such a signal refers to.
  for (const signal of signals) signal.addEventListener('abort', cancel, { once: true })
  if (signals.some((signal) => signal.aborted)) cancel()
  return { signal: controller.signal, ended, clear }
}
