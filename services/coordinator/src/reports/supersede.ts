import type { Bus } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'

/** An older run of a task, which a newer attempt has superseded. */
interface Superseded {
  readonly taskId: string
  /** Undefined: only the node itself knows that it runs the task. */
  readonly nodeId: string | undefined
  /** The last event that the older run knows. */
  readonly token: number
  /** The event that started the newer attempt. */
  readonly seq: number
}

/** Tells the node of an older run that a newer attempt has begun: a hint (L6), which saves calls (L4). */
export type Supersede = (older: Superseded) => void

/** Milliseconds in which tasks gather that a message to all nodes names: far less than a call takes. */
const GATHER_MS = 20
/** Tasks that one message to all nodes names: about 40 kB. */
const NAMED_MAX = 1_000

/**
 * Creates the sender. Where the node is unknown it asks all nodes, about many tasks at once, because after a restart of
 * NATS or of a load balancer each task of a backlog starts so. Invariant: the sequence in a message is above the token
 * of each older run that it names, and not above the start of any newer attempt, so that it stops none of these.
 */
export function createSupersede(bus: Pick<Bus, 'send'>): Supersede {
  let taskIds: string[] = []
  let newestToken = 0
  let before = Infinity
  let timer: NodeJS.Timeout | undefined

  const tellAll = (): void => {
    clearTimeout(timer)
    timer = undefined
    bus.send(CHANNELS.stopAnywhere, { taskIds, before })
    taskIds = []
    newestToken = 0
    before = Infinity
  }

  return ({ taskId, nodeId, token, seq }) => {
    if (nodeId !== undefined) {
      bus.send(CHANNELS.stop, { taskIds: [taskId], before: seq }, { nodeId })
      return
    }
    const fits = Math.max(newestToken, token) < Math.min(before, seq)
    if (taskIds.length > 0 && !fits) tellAll()
    newestToken = Math.max(newestToken, token)
    before = Math.min(before, seq)
    if (taskIds.push(taskId) === NAMED_MAX) tellAll()
    else timer ??= setTimeout(tellAll, GATHER_MS)
  }
}
