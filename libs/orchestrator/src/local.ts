import { parseText, ServiceError } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { z } from 'zod'
import type { Orchestrator } from './orchestrator.ts'

/** The control API's list; README.md has the whole contract. */
const workersSchema = z.object({
  workers: z.array(
    z.object({ id: z.string(), startedAtMs: z.number(), state: z.enum(['running', 'draining']) }),
  ),
})

/** The control API confirms orders at once; the started processes may take longer, milliseconds. */
const CALL_WITHIN_MS = 5_000

/** The dependencies of the local driver. */
interface LocalOptions {
  readonly url: string
  readonly token: string | undefined
  /** Asks a node over the bus to finish its work and exit; true when it answered. */
  readonly drain: (nodeId: string) => Promise<boolean>
  readonly log: Logger
  readonly callWithinMs?: number
}

/** The one-machine fleet: processes by its control API, drains over the bus. */
export function createLocalOrchestrator(options: LocalOptions): Orchestrator {
  const { token, drain, log, callWithinMs = CALL_WITHIN_MS } = options
  const base = options.url.endsWith('/') ? options.url : `${options.url}/`

  /** The answer's text; undefined when the worker is unknown. */
  const call = async (path: string, post?: { readonly body: object }) => {
    try {
      const answer = await fetch(new URL(path, base), {
        signal: AbortSignal.timeout(callWithinMs),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          'content-type': 'application/json',
        },
        ...(post === undefined ? {} : { method: 'POST', body: JSON.stringify(post.body) }),
      })
      const text = await answer.text()
      if (answer.status === 404) return undefined
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`)
      return text
    } catch (cause) {
      throw unavailable(`the control API did not answer ${path}`, cause)
    }
  }
  const order = async (nodeId: string, verb: 'replace' | 'leave'): Promise<'ordered' | 'gone'> => {
    const answer = await call(`workers/${encodeURIComponent(nodeId)}/${verb}`, { body: {} })
    return answer === undefined ? 'gone' : 'ordered'
  }
  /** A lost request changes nothing; the next decision picks victims again. */
  const letGo = async (nodeId: string): Promise<void> => {
    if (await drain(nodeId)) await order(nodeId, 'leave')
    else log.warn({ nodeId }, 'A node did not answer a drain request')
  }

  return {
    driver: 'local',
    acts: true,
    // The control API replaces dead processes, but under another id: nothing restarts in place.
    restarts: false,
    async list() {
      const list = parseText((await call('workers')) ?? '', workersSchema)
      if (list.kind === 'unreadable') {
        throw unavailable('the control API sent an unreadable list of workers', list.problem)
      }
      return list.value.workers.map(({ id, startedAtMs, state }) => ({
        id,
        startedAtMs,
        leaving: state === 'draining',
      }))
    },
    async setCount(count, victims) {
      // First lowers the count, so that no new process starts in a victim's place.
      await call('workers', { body: { count } })
      await Promise.all(victims.map(letGo))
    },
    inspect: async () => undefined,
    replace: (nodeId) => order(nodeId, 'replace'),
    // A node that leaves no longer counts, so another node starts at once.
    retire: (nodeId) => order(nodeId, 'leave'),
    tidy: async () => undefined,
    close: async () => undefined,
  }
}

function unavailable(message: string, cause: unknown): ServiceError {
  return new ServiceError('orchestrator-unavailable', message, { retryable: true, cause })
}
