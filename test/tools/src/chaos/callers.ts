import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ClientError, type Client } from '@agentfleet/client'
import type { GoalRequest, TaskRequest, TaskView } from '@agentfleet/protocol'
import type { Accepted } from '../invariants.ts'

/**
 * Callers that do one errand after the other, such as the submission of a task. They repeat each request under
 * its idempotency key until they get an answer, as a careful client does. With several gateways, each try goes
 * to the next one.
 */
export interface Callers {
  /** Every answer that said "stored", in the order of the answers. */
  readonly accepted: readonly Accepted[]
  /** Requests that were refused for the moment or got no answer; each was repeated under its key. */
  failures(): number
  /** One more caller, whose idempotency keys begin with `name`. */
  caller(name: string): Caller
  /** Resolves when every errand is done; rejects if a request was refused permanently or got no answer in time. */
  stop(): Promise<void>
}

/** What an errand may do; each method repeats its request until it has an answer, and notes what the answer says. */
export interface Caller {
  submit(task: TaskRequest, options?: SubmitOptions): Promise<TaskView>
  /** Submits the tasks in one request, each under its key. */
  submitBatch(tasks: readonly TaskRequest[]): Promise<readonly string[]>
  /** Submits a goal; returns its id. */
  submitGoal(goal: GoalRequest): Promise<string>
  /** Runs an ended task again. */
  replay(taskId: string): Promise<TaskView>
  /** Cancels a task, or learns that it has ended. */
  cancel(taskId: string): Promise<void>
  approve(taskId: string, step: number, approved: boolean): Promise<void>
  /** Runs the plan of a goal that waits at this step. */
  runGoal(taskId: string, step: number): Promise<void>
  /** Reads a task, and notes its ending. */
  read(taskId: string): Promise<TaskView>
  /** Any other request. */
  ask<T>(send: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T>
}

interface SubmitOptions {
  /** Seconds for which the submission waits for the ending. */
  readonly waitSeconds?: number
}

/** What one caller does in its turn. */
export type Errand = (caller: Caller) => Promise<void>

/** The load that the callers make. */
interface CallerOptions {
  readonly callers: number
  /** The n-th errand of all. */
  readonly errand: (n: number) => Errand
  /** Errands a second of all callers together; when not given, a caller does the next after a short pause. */
  readonly perSecond?: number
  /** Receives an errand's failure, which otherwise ends its caller and rejects `stop`. */
  readonly onFailure?: (error: unknown, n: number) => void
}

/** Between two errands of a caller without a rate, milliseconds. */
const PAUSE_MS = 10
/** A request that was not answered is repeated after this, milliseconds. */
const REPEAT_AFTER_MS = 50
/** A frozen gateway answers nothing: the next one is asked after this, milliseconds. */
const ANSWER_WITHIN_MS = 10_000
/** No fault of a fleet lasts so long that a request stays unanswered for longer than this, milliseconds. */
const GIVE_UP_MS = 300_000

/** Starts the callers; `key` begins the keys of this run. */
export function startCallers(
  clients: readonly Client[],
  key: string,
  { callers, errand, perSecond, onFailure }: CallerOptions,
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
  const ask: Ask = async (send, waitMs = 0) => {
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
  const note = (answer: Accepted): void => void accepted.push(answer)
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const n = counter++
      // Errands that are late because of a fault are done all the same: the rate holds on the whole.
      const dueMs = perSecond === undefined ? 0 : startedAtMs + (n * 1_000) / perSecond
      await pause(dueMs - performance.now(), signal)
      if (signal.aborted) return
      try {
        await errand(n)(callerOf(`${key}-${n}`, ask, note))
      } catch (error) {
        if (onFailure === undefined) throw error
        onFailure(error, n)
      }
      if (perSecond === undefined) await pause(PAUSE_MS, signal)
    }
  }
  const running = Promise.all(Array.from({ length: callers }, run))
  // `stop` reports a failure.
  running.catch(() => undefined)
  return {
    accepted,
    failures: () => failures,
    caller: (name) => callerOf(`${key}-${name}`, ask, note),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

type Ask = <T>(
  send: (client: Client, signal: AbortSignal) => Promise<T>,
  waitMs?: number,
) => Promise<T>

/** A caller whose first submission has the key itself, and each later one the key and its number. */
function callerOf(key: string, ask: Ask, note: (answer: Accepted) => void): Caller {
  let submissions = 0
  const nextKey = (): string => (submissions++ === 0 ? key : `${key}-${submissions}`)
  const noteView = (view: TaskView, idempotencyKey?: string): TaskView => {
    const named = idempotencyKey === undefined ? {} : { key: idempotencyKey }
    note({ taskId: view.id, ...named, ...toldBy(view) })
    return view
  }
  return {
    ask: (send) => ask(send),
    async submit(task, { waitSeconds } = {}) {
      const idempotencyKey = nextKey()
      const held = waitSeconds === undefined ? {} : { waitSeconds }
      const view = await ask(
        (client, signal) => client.submit(task, { idempotencyKey, ...held, signal }),
        (waitSeconds ?? 0) * 1_000,
      )
      return noteView(view, idempotencyKey)
    },
    async submitBatch(tasks) {
      const keyed = tasks.map((task) => ({ ...task, idempotencyKey: nextKey() }))
      const results = await ask(async (client, signal) => {
        const answers = await client.submitBatch(keyed, { signal })
        const problem = answers.map((answer) => answer.problem).find((each) => each !== undefined)
        if (problem !== undefined) throw new ClientError(problem)
        return answers
      })
      return results.map(({ taskId = '' }, position) => {
        note({ taskId, key: keyed[position]!.idempotencyKey })
        return taskId
      })
    },
    async submitGoal(goal) {
      const idempotencyKey = nextKey()
      const { id } = await ask((client, signal) =>
        client.submitGoal(goal, { idempotencyKey, signal }),
      )
      note({ taskId: id, key: idempotencyKey })
      return id
    },
    async replay(taskId) {
      const idempotencyKey = nextKey()
      const view = await ask((client, signal) =>
        client.replay(taskId, {}, { idempotencyKey, signal }),
      )
      return noteView(view, idempotencyKey)
    },
    async cancel(taskId) {
      try {
        noteView(await ask((client, signal) => client.cancel(taskId, { signal })))
      } catch (error) {
        // It was faster than its cancellation.
        if (!isFinished(error)) throw error
      }
    },
    async approve(taskId, step, approved) {
      await ask((client, signal) => client.approve(taskId, step, { approved }, { signal }))
      note({ taskId, decided: { step, approved } })
    },
    async runGoal(taskId, step) {
      await ask((client, signal) => client.runGoal(taskId, { signal }))
      note({ taskId, decided: { step, approved: true } })
    },
    read: async (taskId) => noteView(await ask((client, signal) => client.get(taskId, { signal }))),
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
