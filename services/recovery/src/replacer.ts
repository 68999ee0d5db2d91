import { ServiceError } from '@agentfleet/protocol'

/** Has a process replaced by whoever runs the processes. */
export interface Replacer {
  /** Resolves when the replacement is ordered; throws `orchestrator-unavailable`. */
  replace(nodeId: string): Promise<void>
}

/** Starting a process may take longer, ordering it does not. */
const CALL_WITHIN_MS = 3_000

/** Speaks the control API that services/autoscaler/README.md describes. */
export function createReplacer(options: {
  readonly url: string
  readonly token: string | undefined
}): Replacer {
  return {
    async replace(nodeId) {
      const path = `workers/${encodeURIComponent(nodeId)}/replace`
      const token = options.token
      try {
        const answer = await fetch(new URL(path, withSlash(options.url)), {
          method: 'POST',
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          signal: AbortSignal.timeout(CALL_WITHIN_MS),
        })
        await answer.arrayBuffer()
        if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
      } catch (cause) {
        throw new ServiceError('orchestrator-unavailable', `${nodeId} was not replaced`, {
          retryable: true,
          cause,
        })
      }
    },
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
