import { ServiceError } from '@agentfleet/protocol'
import { z } from 'zod'
import type { Orchestrator } from './orchestrator.ts'

/** Starting a process may take longer, ordering it does not. */
const CALL_WITHIN_MS = 3_000

const workersSchema = z.object({ workers: z.array(z.object({ state: z.string() })) })

/** Speaks the control API that services/autoscaler/README.md describes. */
export function createLocalOrchestrator(options: {
  readonly url: string
  readonly token: string | undefined
}): Orchestrator {
  const { token } = options
  const base = options.url.endsWith('/') ? options.url : `${options.url}/`
  const call = async (method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> => {
    try {
      const answer = await fetch(new URL(path, base), {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(CALL_WITHIN_MS),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
      return text === '' ? {} : JSON.parse(text)
    } catch (cause) {
      throw new ServiceError('orchestrator-unavailable', `${method} ${path} failed`, {
        retryable: true,
        cause,
      })
    }
  }
  return {
    driver: 'local',
    replaces: true,
    // It does make deaths good, but under another name: nothing comes back in place.
    restarts: false,
    look: async () => undefined,
    async replace(nodeId) {
      await call('POST', `workers/${encodeURIComponent(nodeId)}/replace`)
      return 'ordered'
    },
    // One that drains counts until it has exited and is not started again: one more than now.
    async retire() {
      const { workers } = workersSchema.parse(await call('GET', 'workers'))
      const running = workers.filter(({ state }) => state === 'running').length
      await call('POST', 'workers', { count: running + 1 })
      return 'ordered'
    },
  }
}
