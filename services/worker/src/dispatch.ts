import { acceptAttempt } from '@agentfleet/domain'
import type { Bus, BusMessage, Logger } from '@agentfleet/adapters'
import {
  dispatchSchema,
  SUBJECTS,
  type Beat,
  type DispatchItem,
  type DispatchReply,
} from '@agentfleet/protocol'
import type { Run, Runs } from './runs.ts'

/**
 * Takes dispatched tasks: parse, decide, answer at once, then start.
 *
 * Invariants: the first items are taken, as the reply counts them; every taken task is started once;
 * a large dispatch is started in portions, so that beats and further dispatches come through.
 */

/** What taking tasks needs. */
export interface DispatchDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly nodeId: string
  readonly slots: number
  readonly runs: Runs
  draining(): boolean
  take(item: DispatchItem): Run
  start(run: Run): void
  beat(): Beat
}

/** Starts in one turn of the event loop: opening an LLM call takes a few tenths of a millisecond. */
const STARTS_PER_TURN = 64

/** Listens for dispatches until it is closed. */
export function listenToDispatches(deps: DispatchDeps): { close(): void } {
  const { bus, log, nodeId, runs } = deps
  // Bounded by the slots: whatever stands here is in the table.
  let queue: Run[] = []
  let scheduled = false

  const startSome = (): void => {
    scheduled = false
    const portion = queue.slice(0, STARTS_PER_TURN)
    queue = queue.slice(STARTS_PER_TURN)
    for (const run of portion) if (run.over === undefined) deps.start(run)
    if (queue.length > 0 && !scheduled) {
      scheduled = true
      setImmediate(startSome)
    }
  }

  const take = (item: DispatchItem): boolean => {
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
    queue.push(deps.take(item))
    return true
  }

  const receive = (message: BusMessage): void => {
    const items = parseItems(message)
    if (items === undefined) log.warn({ bytes: message.text().length }, 'unreadable dispatch')
    let accepted = 0
    for (const item of items ?? []) {
      if (!take(item)) break
      accepted += 1
    }
    const reply: DispatchReply = { accepted, beat: deps.beat() }
    message.respond(JSON.stringify(reply))
    if (!scheduled) startSome()
  }

  return bus.subscribe(SUBJECTS.dispatch(nodeId), receive)
}

function parseItems(message: BusMessage): readonly DispatchItem[] | undefined {
  try {
    return dispatchSchema.parse(JSON.parse(message.text())).items
  } catch {
    return undefined
  }
}
