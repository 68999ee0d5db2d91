import { setTimeout as delay } from 'node:timers/promises'
import type { WorkerPool } from './control.ts'
import type { Member } from './member.ts'
import { restartPauseMs } from './restart-pause.ts'

/**
 * Keeps a number of workers up. When a worker ends, a worker with a new id follows, so that the tasks of
 * the two are not mixed up.
 *
 * States of a worker: running → leaving → ended. Invariants: POOL-1 while fewer workers run than wanted, the
 * pool starts another worker, no matter why the last one ended; POOL-2 a worker that leaves does not count
 * towards the wanted number, so its end starts no worker; POOL-3 the pool starts one worker at a time, so
 * there are never more than wanted; POOL-4 the pool pauses before it replaces a worker that ended at once,
 * and the pauses grow.
 */
interface Pool extends WorkerPool {
  /** Whether fewer workers run than wanted, so that the pool will start another worker. */
  short(): boolean
  /** Starts no worker from now on. */
  close(): void
}

/** A worker that ends within this time has never served; it would end again at once, milliseconds. */
const SHORT_LIFE_MS = 2_000
/** The pause after a worker that could not be started, milliseconds. */
const PAUSE_MAX_MS = 5_000

/** Creates an empty pool; with `restart: false` ended workers are not replaced. */
export function createPool(deps: {
  readonly start: (id: string) => Promise<Member>
  readonly restart: boolean
}): Pool {
  const workers: Member[] = []
  /** Ids of all workers ever started: an order for a worker that has ended is already carried out. */
  const known = new Set<string>()
  const leaving = new Set<string>()
  let started = 0
  let wanted = 0
  let closed = false
  let pauseMs = 0
  let filling: Promise<void> | undefined

  const living = (): Member[] => workers.filter((member) => !member.stopped())
  const find = (id: string) => living().find((member) => member.id === id)
  const running = (): Member[] => living().filter(({ id }) => !leaving.has(id))
  const short = (): boolean => !closed && running().length < wanted

  const start = async (): Promise<Member> => {
    started += 1
    const member = await deps.start(`worker-${started}`)
    workers.push(member)
    known.add(member.id)
    const startedAtMs = performance.now()
    void member.exited().then(() => {
      const livedMs = performance.now() - startedAtMs
      pauseMs = livedMs < SHORT_LIFE_MS ? restartPauseMs(livedMs, pauseMs) : 0
      leaving.delete(member.id)
      workers.splice(workers.indexOf(member), 1)
      if (deps.restart) void makeGood()
    })
    return member
  }
  const fillUp = async (): Promise<void> => {
    while (short()) await start()
  }
  /** POOL-3: concurrent callers share one filling. */
  const fill = (): Promise<void> => {
    filling ??= fillUp().finally(() => {
      filling = undefined
    })
    return filling
  }
  const makeGood = async (): Promise<void> => {
    while (short()) {
      if (pauseMs > 0) await delay(pauseMs, undefined, { ref: false })
      await fill().catch(() => {
        pauseMs = PAUSE_MAX_MS
      })
    }
  }

  return {
    short: () => deps.restart && short(),
    close() {
      closed = true
    },
    workers: () => living().map((member) => viewOf(member, leaving.has(member.id))),
    async setCount(count) {
      wanted = count
      await fill()
    },
    leave(id) {
      if (find(id) !== undefined) leaving.add(id)
      if (deps.restart) void makeGood()
      return known.has(id)
    },
    replace(id) {
      find(id)?.kill('SIGKILL')
      return known.has(id)
    },
  }
}

function viewOf(member: Member, leaves: boolean): ReturnType<WorkerPool['workers']>[number] {
  return {
    id: member.id,
    pid: member.pid(),
    startedAtMs: member.startedAtMs(),
    state: leaves ? 'draining' : 'running',
  }
}
