import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ClientError, type Client } from '@agentfleet/client'
import type { TaskRequest, TaskView } from '@agentfleet/protocol'
import type { Accepted } from '../invariants.ts'

/**
 * Callers that submit one task after the other, each under a separate key, and repeat a request under its key
 * until they get an answer, as a careful client does. With several gateways, each try goes to the next one.
 */
export interface Callers {
  /** Every answer that said "stored", in the order of the answers. */
  readonly accepted: readonly Accepted[]
  /** Requests that were refused for the moment or got no answer; each was repeated under its key. */
  failures(): number
  /** Resolves when every request has its answer; rejects if one was refused permanently or got none in time. */
  stop(): Promise<void>
}

/** The load that the callers make. */
interface CallerOptions {
  readonly callers: number
  /** The n-th request of all. */
  readonly request: (n: number) => CallerRequest
  /** Tasks a second of all callers together; when not given, a caller submits the next after a short pause. */
  readonly perSecond?: number
}

/** One task, and what its caller does in addition to submitting it. */
export interface CallerRequest {
  readonly task: TaskRequest
  /** Seconds for which the submission waits for the ending. */
  readonly waitSeconds?: number
  /** Cancels the task as soon as it is stored. */
  readonly cancel?: boolean
}

/** Between two tasks of a caller without a rate, milliseconds. */
const PAUSE_MS = 10
/** A request that was not answered is repeated after this, milliseconds. */
const REPEAT_AFTER_MS = 50
/** A frozen gateway answers nothing: the next one is asked after this, milliseconds. */
const ANSWER_WITHIN_MS = 10_000
/** No fault of a fleet lasts so long that a request stays unanswered for longer than this, milliseconds. */
const GIVE_UP_MS = 120_000

/** Starts the callers; `key` begins the keys of this run. */
export function startCallers(
  clients: readonly Client[],
  key: string,
  { callers, request, perSecond }: CallerOptions,
): Callers {
  const accepted: Accepted[] = []
  const startedAtMs = performance.now()
  const stopping = new AbortController()
  const { signal } = stopping
  // Each caller that waits for its turn listens.
  setMaxListeners(callers + 1, signal)
  let failures = 0
  let tries = 0
  let counter = 0

  /** Repeats until there is an answer; a refusal that a repetition cannot change is thrown. */
  const ask = async (
    waitMs: number,
    send: (client: Client, signal: AbortSignal) => Promise<TaskView>,
  ): Promise<TaskView> => {
    const giveUpAtMs = performance.now() + GIVE_UP_MS
    for (;;) {
      const client = clients[tries++ % clients.length]!
      try {
        return await send(client, AbortSignal.timeout(ANSWER_WITHIN_MS + waitMs))
      } catch (error) {
        if (!isPassing(error) || performance.now() > giveUpAtMs) throw error
        failures += 1
        await delay(REPEAT_AFTER_MS)
      }
    }
  }
  const call = async (n: number): Promise<void> => {
    const { task, waitSeconds, cancel = false } = request(n)
    const idempotencyKey = `${key}-${n}`
    const note = (view: TaskView): void => {
      accepted.push({ taskId: view.id, key: idempotencyKey, ...toldBy(view) })
    }
    const wait = waitSeconds === undefined ? {} : { waitSeconds }
    const view = await ask((waitSeconds ?? 0) * 1_000, (client, within) =>
      client.submit(task, { idempotencyKey, ...wait, signal: within }),
    )
    note(view)
    if (!cancel) return
    try {
      note(await ask(0, (client, within) => client.cancel(view.id, { signal: within })))
    } catch (error) {
      // It was faster than its cancellation.
      if (!isFinished(error)) throw error
    }
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const n = counter++
      // Tasks that are late because of a fault are submitted all the same: the rate holds on the whole.
      const dueMs = perSecond === undefined ? 0 : startedAtMs + (n * 1_000) / perSecond
      await pause(dueMs - performance.now(), signal)
      if (signal.aborted) return
      await call(n)
      if (perSecond === undefined) await pause(PAUSE_MS, signal)
    }
  }
  const running = Promise.all(Array.from({ length: callers }, run))
  // `stop` reports a failure.
  running.catch(() => undefined)
  return {
    accepted,
    failures: () => failures,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** The ending that an answer tells its caller. */
function toldBy({ state }: TaskView): Pick<Accepted, 'told'> {
  return state === 'completed' || state === 'failed' || state === 'cancelled' ? { told: state } : {}
}

/** Whether the same request may succeed later. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.status === 0 || error.status === 429 || error.status >= 500)
  )
}

function isFinished(error: unknown): boolean {
  return error instanceof ClientError && error.problem.code === 'already-finished'
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined)
}
