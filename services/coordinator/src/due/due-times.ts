import { createHeap, type Heap } from '@agentfleet/domain'

interface Entry {
  readonly taskId: string
  readonly dueAtMs: number
}

interface Tenant {
  readonly name: string
  /** The earliest comes first. */
  entries: Heap<Entry>
  /** Its place among the tenants of which no task is due; undefined: it waits for its turn. */
  at: number | undefined
}

/** Entries of ended tasks that may always stay: about 100 bytes each. */
const SPARE_MAX = 10_000

/**
 * Unfinished tasks in the order of their due times, in which tenants take turns; `unfinished` has no task that has
 * ended. An entry stays when its task changes state, so its reader checks the task again. Invariants (L7): a task that
 * is due is taken after at most one task of each other tenant for each of its tenant's earlier tasks, however many are
 * due; the entries are at most about twice as many as those of unfinished tasks, and SPARE_MAX more, however many tasks
 * have ended before they were due.
 */
export function createDueTimes<T>(unfinished: { get(taskId: string): T | undefined }) {
  const tenants = new Map<string, Tenant>()
  const later = createHeap<Tenant>(
    (a, b) => dueAtMsOf(a) < dueAtMsOf(b),
    (tenant, at) => (tenant.at = at),
  )
  /** Tenants with a task that was due at the last look; the one whose turn is next comes first. */
  let turns: Tenant[] = []
  let size = 0
  let sizeMax = SPARE_MAX

  const forgetEnded = (): void => {
    size = 0
    for (const tenant of tenants.values()) {
      const kept = createEntries()
      for (const entry of tenant.entries.values()) {
        if (unfinished.get(entry.taskId) !== undefined) kept.push(entry)
      }
      tenant.entries = kept
      size += kept.size()
      if (tenant.at === undefined) continue
      if (kept.size() > 0) later.moved(tenant.at)
      else {
        later.remove(tenant.at)
        tenants.delete(tenant.name)
      }
    }
    sizeMax = 2 * size + SPARE_MAX
  }

  /** Takes the first unfinished task of a tenant that is due. */
  const takeOne = ({ entries }: Tenant, nowMs: number): T | undefined => {
    for (;;) {
      const first = entries.first()
      if (first === undefined || first.dueAtMs > nowMs) return undefined
      entries.pop()
      size -= 1
      const task = unfinished.get(first.taskId)
      if (task !== undefined) return task
    }
  }

  return {
    add(name: string, taskId: string, dueAtMs: number): void {
      const known = tenants.get(name)
      const tenant = known ?? { name, entries: createEntries(), at: undefined }
      tenant.entries.push({ taskId, dueAtMs })
      size += 1
      if (known === undefined) {
        tenants.set(name, tenant)
        later.push(tenant)
      } else if (tenant.at !== undefined) later.moved(tenant.at)
      if (size > sizeMax) forgetEnded()
    },
    /** Removes due entries and returns those of their tasks that have not ended, at most `max`. */
    takeDue(nowMs: number, max: number): T[] {
      for (let next = later.first(); next !== undefined && dueAtMsOf(next) <= nowMs;) {
        later.pop()
        next.at = undefined
        turns.push(next)
        next = later.first()
      }
      const due: T[] = []
      let at = 0
      for (; at < turns.length && due.length < max; at += 1) {
        const tenant = turns[at]!
        const task = takeOne(tenant, nowMs)
        if (task !== undefined) {
          due.push(task)
          turns.push(tenant)
        } else if (tenant.entries.size() > 0) later.push(tenant)
        else tenants.delete(tenant.name)
      }
      turns = turns.slice(at)
      return due
    },
    size: () => size,
  }
}

function dueAtMsOf({ entries }: Tenant): number {
  return entries.first()?.dueAtMs ?? Infinity
}

function createEntries(): Heap<Entry> {
  return createHeap((a, b) => a.dueAtMs < b.dueAtMs)
}
