import type { Bus } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'
import { TASK_NOT_FOUND } from './reads.ts'

/** Milliseconds. A coordinator answers within milliseconds, but a restart of NATS may take seconds. */
const CANCEL_DEADLINE_MS = 5_000
const DEFAULT_REASON = 'a client cancelled the task through the API'
const UNCONFIRMED = new Refusal(
  'coordinator-unavailable',
  'Cancellation is unconfirmed. Send the request again after Retry-After seconds; repeating it is safe.',
)

/** Asks a coordinator to cancel a task of this tenant; `finished`: the task had ended before. Throws a Refusal. */
export async function requestCancel(
  bus: Pick<Bus, 'ask'>,
  asked: { readonly taskId: string; readonly tenant: string; readonly reason?: string | undefined },
): Promise<'cancelled' | 'finished'> {
  const { taskId, tenant, reason = DEFAULT_REASON } = asked
  const answer = await bus.ask(CHANNELS.cancel, { taskId, tenant, reason }, CANCEL_DEADLINE_MS)
  const kind = answer.kind === 'reply' ? answer.body.kind : 'unavailable'
  if (kind === 'not-found') throw TASK_NOT_FOUND
  if (kind === 'unavailable') throw UNCONFIRMED
  return kind
}

/** Refuses to cancel a task that has ended otherwise. */
export function alreadyFinished(state: string): Refusal {
  return new Refusal('already-finished', `The task is ${state}; it can no longer be cancelled.`)
}
