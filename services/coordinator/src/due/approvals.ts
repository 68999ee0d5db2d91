import { isTerminal, mayApprove, type Approval } from '@agentfleet/domain'
import type { ApproveReply } from '@agentfleet/protocol'
import { appendEnd, type WaitEndDeps } from './wait-end.ts'

/** A person's decision on a step of a task. */
export interface ApproveRequest {
  readonly taskId: string
  readonly tenant: string
  readonly approval: Approval
}

/** Compare-and-set rounds; other writers change a waiting task only a few times. */
const APPROVE_TRIES = 8

/** Ends the wait for a person's decision by that decision. */
export async function approve(
  deps: WaitEndDeps,
  { taskId, tenant, approval }: ApproveRequest,
): Promise<ApproveReply['kind']> {
  for (let tries = 0; tries < APPROVE_TRIES; tries += 1) {
    const record = await deps.taskLog.record(taskId)
    if (record === undefined || record.tenant !== tenant) return 'not-found'
    if (!mayApprove(record.spec, approval.by)) return 'own-key'
    const before = record.approvals.find(({ step }) => step === approval.step)
    if (before !== undefined) {
      return before.approved === approval.approved ? 'resumed' : 'decided-otherwise'
    }
    if (isTerminal(record.state)) return 'finished'
    if (record.waitingFor?.kind !== 'approval') return 'not-waiting'
    if (record.waitingFor.step !== approval.step) return 'other-step'
    const atMs = deps.nowMs()
    const stored = { ...approval, atMs }
    const event = { type: 'resumed', atMs, reason: 'approval', approval: stored } as const
    const outcome = await appendEnd(deps, record, event)
    if (outcome === undefined) return 'unavailable'
    // After a conflict the next round reads which decision is stored.
    if (outcome !== 'conflict') return 'resumed'
  }
  return 'unavailable'
}
