import { acceptAttempt, mayRunElsewhere, type Placed, type Timing } from '@agentfleet/domain'
import type { Bus } from '@agentfleet/adapters'
import {
  CHANNELS,
  DISPATCH_WITHIN_MS,
  giverOf,
  type Heartbeat,
  type Dispatch,
  type DispatchItem,
  type DispatchReply,
} from '@agentfleet/protocol'
import type { GivenItem, Run, Runs } from './runs.ts'
import type { Starts } from './starts.ts'

/**
 * Accepts dispatched tasks: decides, answers at once, then starts them.
 *
 * Invariants: the node accepts the first items, as many as the reply counts, and the reply names
 * those it could not parse; every accepted task starts once; a task that arrives late, because a process or NATS
 * stood still, makes no call before a coordinator has confirmed its run, because another node may run the task
 * already.
 */

interface DispatchDeps {
  readonly bus: Bus
  readonly nodeId: string
  readonly slots: number
  readonly runs: Runs
  readonly timing: Pick<Timing, 'followAfterMs'>
  draining(): boolean
  take(item: GivenItem, placed: Placed | undefined): Run
  /** Asks a coordinator whether the run still owns its task. */
  doubt(run: Run): void
  /** The clock of the node, by which its heartbeats and so its dispatches are dated. */
  nowMs(): number
  /** The later of the clock of the node and that of the log. */
  latestMs(): number
  readonly starts: Starts
  heartbeat(): Heartbeat
}

/** Listens for dispatches until it is closed. */
export function listenToDispatches(deps: DispatchDeps): { close(): void } {
  const { bus, nodeId, runs, starts, timing } = deps
  /** Only a task without a pointer that starts without a coordinator brings its spec and no `ackSubject`. */
  const isOverdue = ({ ackSubject, spec, deadlineAtMs }: DispatchItem): boolean =>
    ackSubject === undefined &&
    spec !== undefined &&
    mayRunElsewhere(deadlineAtMs - spec.timeoutMs, timing, deps.latestMs())
  const take = (
    item: DispatchItem,
    giver: string,
    placed: Placed | undefined,
    late: boolean,
  ): boolean => {
    const running = runs.get(item.taskId)
    const room = {
      slots: deps.slots,
      active: runs.size(),
      draining: deps.draining(),
      runningToken: running?.token,
    }
    const decision = acceptAttempt(room, item.seq)
    if (decision.kind === 'refuse') return false
    if (decision.kind === 'keep') {
      // The task is redelivered while it runs here: the newest delivery is the one to renew and acknowledge. A handover
      // without a pointer may arrive after the pointer of its task.
      if (running !== undefined) running.ackSubject = item.ackSubject ?? running.ackSubject
      return true
    }
    if (running !== undefined) runs.end(running, 'replaced')
    const run = deps.take({ giver, ...item }, placed)
    if (late || isOverdue(item)) deps.doubt(run)
    starts.add(run)
    return true
  }

  const receive = (dispatch: Dispatch): DispatchReply => {
    let accepted = 0
    const unreadable: number[] = []
    const placed = placedOf(dispatch, nodeId)
    const { sentAtMs = -Infinity } = dispatch
    // A time that the clock of the node has not reached is of another clock, and proves nothing.
    const late = Math.abs(deps.nowMs() - sentAtMs) > DISPATCH_WITHIN_MS
    const giver = giverOf({ id: dispatch.balancer, since: dispatch.since })
    for (const [at, item] of dispatch.items.entries()) {
      if (item === undefined) {
        unreadable.push(at)
      } else {
        const { reason } = item
        // The tasks of a batch share one record, except those with another reason.
        const own = placed === undefined || reason === undefined ? placed : { ...placed, reason }
        if (!take(item, giver, own, late)) break
      }
      accepted = at + 1
    }
    // The answer leaves before the tasks start.
    queueMicrotask(starts.look)
    const reply: DispatchReply = { accepted, heartbeat: deps.heartbeat() }
    return unreadable.length === 0 ? reply : { ...reply, unreadable }
  }

  return bus.on(CHANNELS.dispatch, receive, { where: { nodeId } })
}

function placedOf({ balancer, placed }: Dispatch, node: string): Placed | undefined {
  return placed === undefined ? undefined : { node, balancer, ...placed }
}
