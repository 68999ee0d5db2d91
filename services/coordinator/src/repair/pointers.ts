import { decideRepair, isTerminalEvent, type TaskRecord } from '@agentfleet/domain'
import { checkClaim, CHANNELS, TASK_ID_PATTERN } from '@agentfleet/protocol'
import { inParallel } from '@agentfleet/runtime'
import { createDueTimes } from '../due/due-times.ts'
import { firstInTurn } from '../due/in-turn.ts'
import { REPAIRS_AT_ONCE } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

type PointerRepairDeps = Pick<
  PartDeps,
  'bus' | 'tasks' | 'pointers' | 'taskLog' | 'issuer' | 'log' | 'timing' | 'nowMs' | 'claimKey'
>

/** Pointers looked up individually in one sweep, in which tenants take turns; for more, a listing of all is cheaper. */
const LOOK_UP_MAX = 1_000
/** Listing all pointers takes at most this share of the server's time: 1 / LISTING_SHARE. */
const LISTING_SHARE = 20
/** Task ids in one question to the nodes: about 40 kB. */
const QUESTION_MAX = 1_000
/** Milliseconds within which a live node answers, even a busy one. */
const ANSWERS_WITHIN_MS = 250
const REPAIRED = 'The coordinator issued missing pointers of tasks, or removed unneeded pointers'

/**
 * Issues missing pointers and removes pointers that are left over (L8).
 *
 * A task that became runnable is looked up by its own pointer once it is old enough, so left-over
 * pointers of other tasks cannot hide a missing one. From time to time, and at once if there are
 * fewer pointers than tasks that need one, all pointers are listed and compared; this finds
 * pointers that were lost later. Several coordinators may do all of this at once.
 */
export function createPointerRepair(deps: PointerRepairDeps) {
  const { tasks, pointers, log, timing, nowMs } = deps
  const unconfirmed = createDueTimes(tasks)
  let listedAtMs = -Infinity
  let listingTookMs = 0
  const strayTwice = createStrays(tasks)

  const lookUp = async (records: readonly TaskRecord[], signal: AbortSignal): Promise<number> => {
    const looked = await withoutPointer(pointers, records)
    // A pointer may have moved between queues during the first lookup, so the second one counts.
    const missing = looked.filter(({ taskId }) => tasks.get(taskId) !== undefined)
    return issueMissing(deps, missing, signal)
  }

  const compareAll = async (signal: AbortSignal): Promise<{ issued: number; removed: number }> => {
    const now = nowMs()
    listedAtMs = now
    const present = await pointers.taskIds()
    listingTookMs = nowMs() - now
    const missing: TaskRecord[] = []
    for (const record of tasks.records()) {
      if (needs(record, present.has(record.taskId), timing, now)) missing.push(record)
    }
    const issued = await issueMissing(deps, missing, signal)
    const gone = await inParallel(strayTwice(present), REPAIRS_AT_ONCE, (taskId) =>
      signal.aborted ? Promise.resolve(false) : removeEnded(deps, taskId),
    )
    return { issued, removed: gone.filter(Boolean).length }
  }

  return {
    /** Handles the record after an event: a task that became runnable needs a pointer. */
    note({ tenant, taskId, state, updatedAtMs, retryAtMs = updatedAtMs }: TaskRecord): void {
      if (state === 'queued') unconfirmed.add(tenant, taskId, updatedAtMs + timing.followAfterMs)
      if (state === 'retrying') unconfirmed.add(tenant, taskId, retryAtMs + timing.followAfterMs)
    },
    async sweep(signal: AbortSignal): Promise<{ issued: number; removed: number }> {
      // The issuer of a pointer has announced its queue; this repeats a lost announcement (L6).
      pointers.announce(tasks.queues())
      const now = nowMs()
      const due = unconfirmed
        .takeDue(now, Infinity)
        .filter((record) => needs(record, false, timing, now))
      const sinceMs = now - listedAtMs
      const mayList = sinceMs >= listingTookMs * LISTING_SHARE
      const wanted = sinceMs >= timing.listPointersEveryMs || due.length > LOOK_UP_MAX
      // Fewer pointers than tasks that need one.
      const tooFew = async () => (await pointers.count()) < tasks.runnable() - unconfirmed.size()
      const all = mayList && (wanted || (await tooFew()))
      if (!all) {
        for (const { tenant, taskId } of due.slice(LOOK_UP_MAX)) {
          unconfirmed.add(tenant, taskId, now)
        }
      }
      const done = all
        ? await compareAll(signal)
        : { issued: await lookUp(due.slice(0, LOOK_UP_MAX), signal), removed: 0 }
      if (done.issued + done.removed > 0) log.info(done, REPAIRED)
      return done
    },
  }
}

/**
 * Asks which nodes run these tasks, at most QUESTION_MAX, and with which token; no answer counts as no. A node that was
 * not given a task cannot have its pointer (L9).
 */
async function whoRuns({ bus, claimKey }: PointerRepairDeps, records: readonly TaskRecord[]) {
  const runs = new Map<string, { readonly nodeId: string; readonly token: number }>()
  const taskIds = records.map(({ taskId }) => taskId)
  const asked = new Set(taskIds)
  const answers = await bus.gather(CHANNELS.runs, { taskIds }, ANSWERS_WITHIN_MS)
  for (const { nodeId, runs: own } of answers) {
    for (const { taskId, token, claim } of own) {
      if (!asked.has(taskId) || !checkClaim(claimKey, claim, taskId, nodeId)) continue
      if (token > (runs.get(taskId)?.token ?? -1)) runs.set(taskId, { nodeId, token })
    }
  }
  return runs
}

function needs(
  record: TaskRecord,
  hasPointer: boolean,
  timing: PartDeps['timing'],
  now: number,
): boolean {
  return decideRepair(record, hasPointer, timing, now).kind === 'issue-pointer'
}

/**
 * Returns the pointers without an unfinished task in two listings in a row: most in one listing have an
 * acknowledgement or an event on its way.
 */
function createStrays(tasks: PartDeps['tasks']): (present: Iterable<string>) => string[] {
  let before: ReadonlySet<string> = new Set()
  return (present) => {
    const strays = new Set([...present].filter((taskId) => tasks.get(taskId) === undefined))
    const twice = [...strays].filter((taskId) => before.has(taskId))
    before = strays
    return twice
  }
}

/**
 * Issues these pointers and returns how many: that of a living run for its node, so that the run adopts it, and the
 * others for any node. Tenants take turns, so a pointer does not wait for the questions about all missing pointers of
 * another tenant (L7).
 */
async function issueMissing(
  deps: PointerRepairDeps,
  missing: readonly TaskRecord[],
  signal: AbortSignal,
): Promise<number> {
  const { taskLog, issuer } = deps
  let issued = 0
  const turns = firstInTurn(missing, ({ tenant }) => tenant, missing.length)
  for (let start = 0; start < turns.length && !signal.aborted; start += QUESTION_MAX) {
    const asked = turns.slice(start, start + QUESTION_MAX)
    const runs = await whoRuns(deps, asked)
    const done = await inParallel(asked, REPAIRS_AT_ONCE, async (record) => {
      if (signal.aborted) return false
      const last = await taskLog.last(record.taskId)
      if (last === undefined || isTerminalEvent(last.event)) return false
      const run = runs.get(record.taskId)
      // For any node, the pointer would take the task from its run, and its calls would be paid for again.
      const nodeId = run !== undefined && run.token >= record.seq ? run.nodeId : undefined
      return issuer.once(record, nodeId)
    })
    issued += done.filter(Boolean).length
  }
  return issued
}

/** Returns the tasks whose pointer is in no queue. */
async function withoutPointer(
  pointers: PartDeps['pointers'],
  records: readonly TaskRecord[],
): Promise<TaskRecord[]> {
  const looked = await inParallel(records, REPAIRS_AT_ONCE, async (record) => {
    const { taskId, tenant, spec } = record
    const waits = await pointers.has(spec.priority, tenant, taskId)
    return waits || (await pointers.has('running', tenant, taskId)) ? [] : [record]
  })
  return looked.flat()
}

/** Removes the pointer of a task that has ended; returns whether it did. */
async function removeEnded(
  { taskLog, pointers }: PointerRepairDeps,
  taskId: string,
): Promise<boolean> {
  if (!TASK_ID_PATTERN.test(taskId)) return false
  const record = await taskLog.record(taskId)
  const last = await taskLog.last(taskId)
  if (record === undefined || last === undefined || !isTerminalEvent(last.event)) return false
  return pointers.remove(record.spec.priority, record.tenant, taskId)
}
