import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createClient } from '@agentfleet/client'
import type { Fleet, Member } from '@agentfleet/local'

/** Threads that only use a core each, until they are stopped. */
export function burn(threads: number): { stop(): Promise<void> } {
  const workers = Array.from({ length: threads }, () => new Worker('for (;;);', { eval: true }))
  return {
    async stop() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** Results of a pauser. */
export interface Pauses {
  readonly count: number
  /** The longest time between stop and continue: this process is delayed as well. */
  readonly longestMs: number
}

const PAUSE_MS = 1_000
/** Between two pauses, milliseconds; the random part on top of it meets every phase of a heartbeat. */
const PAUSE_EVERY_MS = 500
const PAUSE_SPREAD_MS = 1_000
/** Rest of a node after a pause: two pauses in a row would be one of two seconds. */
const REST_MS = 1_000

/** Stops a random worker for a second, again and again, until the signal aborts. */
export async function pauseAtRandom(fleet: Fleet, signal: AbortSignal): Promise<Pauses> {
  let count = 0
  let longestMs = 0
  /** Nodes that are paused or rest from a pause. */
  const paused = new Map<string, Promise<void>>()
  const pause = async (member: Member): Promise<void> => {
    const startedAt = performance.now()
    member.kill('SIGSTOP')
    await delay(PAUSE_MS)
    member.kill('SIGCONT')
    longestMs = Math.max(longestMs, performance.now() - startedAt)
    count += 1
  }
  while (!signal.aborted) {
    await wait(PAUSE_EVERY_MS + Math.random() * PAUSE_SPREAD_MS, signal)
    const running = fleet.members('worker').filter(({ id }) => !paused.has(id))
    const victim = running[Math.floor(Math.random() * running.length)]
    if (victim === undefined || signal.aborted) continue
    paused.set(
      victim.id,
      pause(victim)
        .then(() => delay(REST_MS))
        .finally(() => paused.delete(victim.id)),
    )
  }
  await Promise.all(paused.values())
  return { count, longestMs }
}

const BATCH_EVERY_MS = 500

/** Submits tasks at a steady rate until the signal aborts; resolves with the ids of all accepted ones. */
export async function submitSteadily(
  url: string,
  perSecond: number,
  signal: AbortSignal,
): Promise<{ readonly taskIds: readonly string[]; readonly refused: number }> {
  const client = createClient({ baseUrl: url })
  const taskIds: string[] = []
  let refused = 0
  const size = Math.max(1, Math.round((perSecond * BATCH_EVERY_MS) / 1_000))
  while (!signal.aborted) {
    const tasks = Array.from({ length: size }, (_, n) => ({
      task: 'Say something.',
      model: n % 2 === 0 ? 'sim' : 'echo?ms=2000',
    }))
    try {
      for (const { taskId } of await client.submitBatch(tasks)) {
        if (taskId === undefined) refused += 1
        else taskIds.push(taskId)
      }
    } catch {
      refused += size
    }
    await wait(BATCH_EVERY_MS, signal)
  }
  return { taskIds, refused }
}

/**
 * Aborts after this long, or when the other signal aborts. With AbortSignal.any, Node 20 may collect a signal of
 * AbortSignal.timeout before its time has come, and nothing would abort.
 */
export function abortAfter(ms: number, signal: AbortSignal): AbortSignal {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), ms)
  const stop = (): void => {
    clearTimeout(timer)
    over.abort()
  }
  signal.addEventListener('abort', stop, { once: true })
  return over.signal
}

/** Resolves after this long, or when the signal aborts. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}
