import type { Bus } from '@agentfleet/adapters'
import { given, type Approval } from '@agentfleet/domain'
import {
  CHANNELS,
  TASK_ID_PATTERN,
  type ApprovalRequest,
  type ApproveReply,
} from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import { afterChange, ownTask, TASK_NOT_FOUND, type Reader } from './reads.ts'
import { taskView } from './views.ts'

interface ApprovalRouteDeps {
  readonly reader: Pick<Reader, 'load'>
  readonly bus: Pick<Bus, 'ask'>
}

/** Milliseconds. A coordinator answers within milliseconds, but a restart of NATS may take seconds. */
const APPROVE_DEADLINE_MS = 5_000

/** Creates the handler of `/v1/tasks/{id}/approvals/{step}` by operationId. */
export function approvalRoutes({ reader, bus }: ApprovalRouteDeps) {
  return {
    async approveStep(request: FastifyRequest) {
      const { id: taskId, step } = request.params as { id: string; step: number }
      if (!TASK_ID_PATTERN.test(taskId)) throw TASK_NOT_FOUND
      const { approved, note, person } = request.body as ApprovalRequest
      const { tenant } = request
      const approval = { step, approved, by: keyIdOf(request), ...given({ person, note }) }
      await approve(bus, { taskId, tenant, approval })
      const record = await afterChange(ownTask(reader, request))
      const stored = record.approvals.find((each) => each.step === step)
      // Another caller has decided the same before.
      request.unchanged =
        stored !== undefined && (stored.by !== approval.by || stored.person !== person)
      return taskView(record)
    },
  }
}

/** Names the key of the request, as approvals record it. */
export function keyIdOf({ principal, tenant }: FastifyRequest): string {
  return principal?.keyId ?? tenant
}

/** Sends the decision to a coordinator; resolves once it is stored, otherwise throws a Refusal. */
export async function approve(
  bus: Pick<Bus, 'ask'>,
  word: { readonly taskId: string; readonly tenant: string; readonly approval: Approval },
): Promise<void> {
  const answer = await bus.ask(CHANNELS.approve, word, APPROVE_DEADLINE_MS)
  const kind = answer.kind === 'reply' ? answer.body.kind : 'unavailable'
  if (kind !== 'resumed') throw refusalOf(kind, word.approval.step)
}

function refusalOf(kind: Exclude<ApproveReply['kind'], 'resumed'>, step: number): Refusal {
  switch (kind) {
    case 'not-found':
      return TASK_NOT_FOUND
    case 'finished':
      return new Refusal('already-finished', 'The task has ended; its steps need no decision.')
    case 'own-key':
      return new Refusal(
        'other-key-required',
        'The key that submitted this task may not decide on its steps. Let the holder of another key decide on the step.',
      )
    case 'not-waiting':
      return new Refusal(
        'not-waiting',
        'The task is not waiting for approval. Read the task: its field waitingFor says what it waits for.',
      )
    case 'other-step':
      return new Refusal(
        'not-waiting',
        `The task is not waiting for approval of step ${step}. Send the step that the field waitingFor of the task names.`,
      )
    case 'decided-otherwise':
      return new Refusal(
        'decided-otherwise',
        `The opposite decision on step ${step} is stored and cannot be changed.`,
      )
    case 'unavailable':
      return new Refusal(
        'coordinator-unavailable',
        'The gateway does not know whether your decision on the step was stored. Send the request again after Retry-After seconds; repeating it is safe.',
      )
  }
}
