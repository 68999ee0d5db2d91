import type { Bus } from '@agentfleet/adapters'
import { ServiceError, SUBJECTS } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { z } from 'zod'
import type { Orchestrator } from './orchestrator.ts'

/** The control API's list; README.md has the whole contract. */
const workersSchema = z.object({
  workers: z.array(z.object({ id: z.string(), startedAtMs: z.number(), state: z.string() })),
})

const CALL_WITHIN_MS = 5_000
/** A node answers at once and drains afterwards. */
const DRAIN_ANSWER_WITHIN_MS = 1_000

/** The one-machine fleet: processes by its control API, drains over the bus. */
export function createLocalOrchestrator(options: {
  readonly bus: Bus
  readonly url: string
  readonly token: string | undefined
  readonly log: Logger
}): Orchestrator {
  const { bus, url, token, log } = options
  const workersUrl = new URL('workers', url.endsWith('/') ? url : `${url}/`)
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }

  /** Nodes that said they drain; ids are never used again, so this empties as they exit. */
  const asked = new Set<string>()

  const call = async (body?: object): Promise<unknown> => {
    try {
      const answer = await fetch(workersUrl, {
        signal: AbortSignal.timeout(CALL_WITHIN_MS),
        ...(body === undefined
          ? { headers: authorization }
          : {
              method: 'POST',
              headers: { ...authorization, 'content-type': 'application/json' },
              body: JSON.stringify(body),
            }),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${workersUrl.pathname}: ${answer.status}`)
      return JSON.parse(text)
    } catch (cause) {
      throw new ServiceError('orchestrator-unavailable', 'the control API does not answer', {
        retryable: true,
        cause,
      })
    }
  }

  /** A lost request leaves the node as it is; the next decision picks again. */
  const askToDrain = async (nodeId: string): Promise<void> => {
    const reply = await bus.request(SUBJECTS.drain(nodeId), '{}', DRAIN_ANSWER_WITHIN_MS)
    if (reply.kind === 'reply') asked.add(nodeId)
    else log.warn({ nodeId, reply: reply.kind }, 'asked to drain, no answer')
  }

  return {
    driver: 'local',
    acts: true,
    async nodes() {
      // One that was stopped through the control API no longer counts there either.
      const { workers } = workersSchema.parse(await call())
      for (const id of asked) if (!workers.some((one) => one.id === id)) asked.delete(id)
      return workers
        .filter(({ state }) => state !== 'draining')
        .map(({ id, startedAtMs }) => ({ id, startedAtMs, leaving: asked.has(id) }))
    },
    async setCount(count, victims) {
      // First the lower count, so that nobody starts a new process in a victim's place.
      await call({ count })
      await Promise.all(victims.map(askToDrain))
    },
  }
}
