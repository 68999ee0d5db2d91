import { acceptAttempt, type Placed } from '@agentfleet/domain'
import type { Bus, BusMessage, Logger } from '@agentfleet/adapters'
import {
  dispatchSchema,
  SUBJECTS,
  type Heartbeat,
  type Dispatch,
  type DispatchItem,
  type DispatchReply,
} from '@agentfleet/protocol'
import type { Run, Runs } from './runs.ts'
import type { Starts } from './starts.ts'

/**
 * Takes dispatched tasks: parse, decide, answer at once, then start.
 *
 * Invariants: the first items are taken, as the reply counts them; every taken task is started once.
 */

/** What taking tasks needs. */
export interface DispatchDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly nodeId: string
  readonly slots: number
  readonly runs: Runs
  draining(): boolean
  take(item: DispatchItem, placed: Placed | undefined): Run
  readonly starts: Pick<Starts, 'add' | 'look'>
  heartbeat(): Heartbeat
}

/** Listens for dispatches until it is closed. */
export function listenToDispatches(deps: DispatchDeps): { close(): void } {
  const { bus, log, nodeId, runs, starts } = deps
  const take = (item: DispatchItem, placed: Placed | undefined): boolean => {
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
      // Handed out again while it runs here: the newest delivery is the one to renew and to ack.
      if (running !== undefined) running.ackSubject = item.ackSubject
      return true
    }
    if (running !== undefined) runs.end(running, 'replaced')
    starts.add(deps.take(item, placed))
    return true
  }

  const receive = (message: BusMessage): void => {
    const dispatch = parseDispatch(message)
    if (dispatch === undefined) log.warn({ bytes: message.text().length }, 'unreadable dispatch')
    let accepted = 0
    const placed = dispatch === undefined ? undefined : placedOf(dispatch, nodeId)
    for (const item of dispatch?.items ?? []) {
      const { reason } = item
      // One for all of the batch, but for those that came for a reason of their own.
      const own = placed === undefined || reason === undefined ? placed : { ...placed, reason }
      if (!take(item, own)) break
      accepted += 1
    }
    const reply: DispatchReply = { accepted, heartbeat: deps.heartbeat() }
    message.respond(JSON.stringify(reply))
    starts.look()
  }

  return bus.subscribe(SUBJECTS.dispatch(nodeId), receive)
}

function placedOf({ balancer, placed }: Dispatch, node: string): Placed | undefined {
  return placed === undefined ? undefined : { node, balancer, ...placed }
}

function parseDispatch(message: BusMessage): Dispatch | undefined {
  try {
    return dispatchSchema.parse(JSON.parse(message.text()))
  } catch {
    return undefined
  }
}
