import type { Worker } from 'node:worker_threads'
import { createOwnedCache, type OwnedCache } from '@agentfleet/domain'
import { startThread } from '@agentfleet/runtime'
import type { CheckQueue, Settled, Waiting } from './check-queue.ts'
import type { CheckJob, CheckOutcome } from './compiled-schema.ts'

interface Thread {
  readonly worker: Worker
  ready: boolean
  /** The numbers of the schemas that it keeps compiled. */
  readonly kept: OwnedCache<number>
  /** Whether it has finished no check. */
  fresh: boolean
  /** Numbers given to schemas until now. */
  schemas: number
  /** Until it is ready: the tenant that ended the thread which it replaces, and the check that is repeated. */
  current: Work | undefined
  /** The deadline of the start or of the check. */
  timer: NodeJS.Timeout | undefined
}

/** The check at work, and its tenant. */
interface Work {
  readonly owner: string
  readonly entry: Waiting | undefined
}

/** On a machine without free processor time a check may take so many times its deadline. */
const STARVED_FACTOR = 3
/** The thread loads its validator within a second, and in several seconds under load, milliseconds. */
const START_DEADLINE_MS = 20_000
const NOT_STARTED = ', because the thread of the check does not start'
/** The second thread starts once two tenants need one at the same time. */
const THREADS_MAX = 2
/** Schemas that a thread keeps compiled: about as many as a node's agents have. */
const KEPT_MAX = 64
/**
 * Characters of these schemas. A usual schema takes 50 bytes a character when it is compiled, and one full of patterns
 * 250, so they take a quarter of the memory of a thread.
 */
const KEPT_MAX_CHARS = 256 * 1024
/** The same path from `src` and from `dist`: threads run compiled code. */
const THREAD = new URL('../dist/check-thread.js', import.meta.url)

/** Creates what runs the waiting checks, at first without a thread; call `next` when a check waits. */
export function createCheckThreads(
  queue: CheckQueue,
  { jobDeadlineMs, heapMaxMb }: { readonly jobDeadlineMs: number; readonly heapMaxMb: number },
): { next(): void } {
  const threads = new Set<Thread>()

  const unstarted = (thread: Thread, why: string): void => {
    const outcome = { kind: 'busy', problem: `cannot be checked now${why}` } as const
    threads.delete(thread)
    stop(thread)
    settle(thread, outcome)
    if (threads.size > 0) return
    // No thread is left. Settles the next check now: it would otherwise wait for a thread that does not start.
    take()?.entry?.settle(outcome)
    next()
  }

  const overrun = (thread: Thread): void => {
    const { current, fresh } = thread
    threads.delete(thread)
    stop(thread)
    // What the thread kept for other schemas may have filled its memory.
    const again = fresh ? undefined : current?.entry
    // The tenant keeps its place, so that it does not take the other thread while this one is replaced.
    if (current !== undefined) start({ owner: current.owner, entry: again })
    if (again === undefined) {
      settle(thread, {
        kind: 'too-costly',
        problem: `costs more than ${jobDeadlineMs} ms or ${heapMaxMb} MB`,
      })
    }
    next()
  }

  const start = (current?: Work): void => {
    const thread = createThread(heapMaxMb, current)
    const { worker } = thread
    worker.on('message', (message: CheckOutcome | 'ready') => {
      clearTimeout(thread.timer)
      if (message !== 'ready') settle(thread, message)
      else {
        thread.ready = true
        const { owner, entry } = thread.current ?? {}
        if (owner === undefined || entry === undefined) thread.current = undefined
        else work(thread, owner, entry, jobDeadlineMs, overrun)
      }
      next()
    })
    worker.on('error', (error) => {
      if (thread.ready) overrun(thread)
      else unstarted(thread, `: ${error.message}`)
    })
    thread.timer = setTimeout(unstarted, START_DEADLINE_MS, thread, NOT_STARTED)
    threads.add(thread)
  }

  const take = () =>
    queue.take((tenant) => [...threads].some(({ current }) => current?.owner === tenant))

  const next = (): void => {
    for (const thread of threads) {
      if (!thread.ready || thread.current !== undefined) continue
      const taken = take()
      if (taken === undefined) return
      thread.current = taken
      work(thread, taken.owner, taken.entry, jobDeadlineMs, overrun)
    }
    const all = [...threads]
    if (all.length >= THREADS_MAX || all.some(({ ready }) => !ready)) return
    const later = all.reduce((sum, { current }) => sum + queue.sizeOf(current?.owner ?? ''), 0)
    if (queue.size() > later) start()
  }

  return { next }
}

function createThread(heapMaxMb: number, current: Work | undefined): Thread {
  const worker = startThread(THREAD, heapMaxMb)
  // An idle thread does not keep the process alive.
  worker.unref()
  // A tenant with hundreds of schemas leaves those of other tenants compiled.
  const kept = createOwnedCache<number>({ entriesMax: KEPT_MAX, sizeMax: KEPT_MAX_CHARS })
  return { worker, ready: false, kept, fresh: true, schemas: 0, current, timer: undefined }
}

function settle(thread: Thread, outcome: Settled): void {
  clearTimeout(thread.timer)
  const done = thread.current?.entry
  thread.current = undefined
  thread.fresh = false
  done?.settle(outcome)
}

function stop({ worker, timer }: Thread): void {
  clearTimeout(timer)
  worker.removeAllListeners()
  // The thread takes a moment to end; until then it may still report that it ran out of memory.
  worker.on('error', () => undefined)
  void worker.terminate()
}

/** Runs a check in an idle thread. */
function work(
  thread: Thread,
  tenant: string,
  { job, digest }: Waiting,
  jobDeadlineMs: number,
  overrun: (thread: Thread) => void,
): void {
  const startedMs = performance.now()
  const usedBeforeMs = processorMs()
  /** A thread has had at most the processor time of the whole process. */
  const look = (): void => {
    const leftMs = jobDeadlineMs - (processorMs() - usedBeforeMs)
    const starvedMs = STARVED_FACTOR * jobDeadlineMs - (performance.now() - startedMs)
    if (leftMs <= 0 || starvedMs <= 0) overrun(thread)
    else thread.timer = setTimeout(look, Math.ceil(Math.min(leftMs, starvedMs)))
  }
  thread.timer = setTimeout(look, jobDeadlineMs)
  const known = thread.kept.get(tenant, digest)
  const id = known ?? (thread.schemas += 1)
  const forget = known === undefined ? thread.kept.set(tenant, digest, id, job.schema.length) : []
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  thread.worker.postMessage({ ...job, id, forget } satisfies CheckJob)
}

/** Processor time of this process, milliseconds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
