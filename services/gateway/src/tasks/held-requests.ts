import {
  createCompactingMap,
  createTally,
  decideShare,
  foldHistory,
  isTerminalEvent,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'

/**
 * Requests that wait until their task ends; a sink of live events (`live.ts`).
 *
 * A waiter opens before the submission is appended, so it receives every event of its task. It keeps the events
 * and folds them at the end, which avoids reading the log. States: open → ended (the task ended, the time ran
 * out, or it was released), once. Invariants (L7): a waiter keeps at most EVENTS_KEPT_MAX events, all waiters
 * together keep at most KEPT_MAX_BYTES, and those of a tenant its share of them; a waiter that kept too few
 * (`incomplete`) folds nothing, and the caller reads the log.
 */
export type HeldRequests = ReturnType<typeof createHeldRequests>

interface Entry {
  readonly tenant: string
  events: { readonly event: TaskEvent; readonly seq: number }[]
  /** Size of the kept events. */
  bytes: number
  over: boolean
  /** Too few events were kept to fold them. */
  incomplete: boolean
  /** Events were missed since the last call of `news`. */
  missed: boolean
  wake: () => void
}

/** A run has two or three events; a longer history is read from the log. */
const EVENTS_KEPT_MAX = 64
/** Bytes of the events that all waiters keep. */
const KEPT_MAX_BYTES = 64 * 1024 * 1024

/** Creates an empty collection of held requests; `tenants` returns how many tenants share the fleet. */
export function createHeldRequests(tenants: () => number) {
  const byTask = createCompactingMap<string, Set<Entry>>()
  const kept = createTally()
  let total = 0

  function hasRoom(tenant: string, bytes: number): boolean {
    const used = kept.total()
    if (used + bytes > KEPT_MAX_BYTES) return false
    const own = kept.of(tenant)
    const share = { capacity: KEPT_MAX_BYTES, used, own, ask: bytes, tenants: tenants() }
    return decideShare(share).kind === 'take'
  }

  function keep(entry: Entry, event: TaskEvent, seq: number, bytes: number) {
    const fits = entry.events.length < EVENTS_KEPT_MAX && hasRoom(entry.tenant, bytes)
    if (entry.incomplete || !fits) {
      entry.incomplete = true
      forget(entry)
      return
    }
    entry.events.push({ event, seq })
    entry.bytes += bytes
    kept.add(entry.tenant, bytes)
  }

  function forget(entry: Entry) {
    kept.add(entry.tenant, -entry.bytes)
    entry.bytes = 0
    entry.events = []
  }

  function finish(entry: Entry) {
    entry.over = true
    entry.wake()
  }

  function remove(taskId: string, entry: Entry) {
    const entries = byTask.get(taskId)
    if (!entries?.delete(entry)) return
    total -= 1
    forget(entry)
    if (entries.size === 0) byTask.delete(taskId)
  }

  return {
    count: () => total,
    open(tenant: string, taskId: string) {
      const entry = newEntry(tenant)
      const entries = byTask.get(taskId)
      if (entries === undefined) byTask.set(taskId, new Set([entry]))
      else entries.add(entry)
      total += 1
      return {
        /**
         * Resolves when the task has ended or the waiter is released (`over`), events were missed, or the
         * time is over (`late`).
         */
        news: (withinMs: number) => wait(entry, withinMs),
        /** Returns the task with all received events; undefined if events may be missing. */
        fold: (record: TaskRecord) =>
          entry.incomplete ? undefined : foldHistory(record.taskId, entry.events, record),
        /** Ends the wait early. */
        release: () => finish(entry),
        /** Removes the waiter; call it once for each. */
        close: () => remove(taskId, entry),
      }
    },
    wants: (taskId: string, submitted: boolean) => !submitted && byTask.has(taskId),
    deliver(taskId: string, event: TaskEvent, seq: number, bytes: number): void {
      for (const entry of byTask.get(taskId) ?? []) {
        keep(entry, event, seq, bytes)
        if (isTerminalEvent(event)) finish(entry)
      }
    },
    missed(): void {
      // A missed event may be the end of the task, so each waiter makes its caller read the log.
      for (const entries of byTask.values()) {
        for (const entry of entries) {
          entry.incomplete = true
          entry.missed = true
          entry.wake()
        }
      }
    },
    /** Ends every wait because the process stops. */
    releaseAll(): void {
      for (const entries of byTask.values()) for (const entry of entries) finish(entry)
    },
  }
}

function newEntry(tenant: string): Entry {
  return {
    tenant,
    events: [],
    bytes: 0,
    over: false,
    incomplete: false,
    missed: false,
    wake: () => {},
  }
}

async function wait(entry: Entry, withinMs: number): Promise<'over' | 'missed' | 'late'> {
  if (!entry.over && !entry.missed) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, withinMs))
      entry.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  if (entry.over) return 'over'
  if (!entry.missed) return 'late'
  entry.missed = false
  return 'missed'
}
