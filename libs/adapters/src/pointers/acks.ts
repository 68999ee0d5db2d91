import { CHANNELS, type PointerAck } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import type { Listening } from '../bus/channels.ts'
import { ack } from './pull.ts'

/**
 * The acks of nodes. A node has no right to ack: nats-server publishes its answer to an ack with its own rights, to any
 * subject that the ack names, so a node could purge the log (L9). Load balancers and coordinators ack for the nodes; an
 * ack that gets lost has no effect but another delivery (L6).
 */
export interface PointerAcks {
  /** The log holds the end of the run (L4). */
  done(ackSubject: string | undefined): void
  /** The run lives. */
  renew(ackSubject: string | undefined): void
  /** Another node may run the task. */
  giveBack(ackSubject: string | undefined): void
  /** Sends at once what was said and has not left. */
  flush(): void
}

/** Opens the acks of this node; what is said about the outcomes of one message leaves in one message. */
export function openPointerAcks(bus: Pick<Bus, 'send'>, nodeId: string): PointerAcks {
  let acks: PointerAck[] = []
  const flush = (): void => {
    if (acks.length === 0) return
    const said = acks
    acks = []
    bus.send(CHANNELS.acks, { nodeId, acks: said }, { nodeId })
  }
  const sayOf =
    (say: PointerAck['say']) =>
    (subject: string | undefined): void => {
      if (subject === undefined) return
      if (acks.push({ subject, say }) === 1) queueMicrotask(flush)
    }
  return { done: sayOf('done'), renew: sayOf('renew'), giveBack: sayOf('giveBack'), flush }
}

/** Acks for the nodes until it is closed; of all processes that do, one gets each message. */
export function ackForNodes(bus: Bus): Listening {
  return bus.on(CHANNELS.acks, ({ acks }) => {
    for (const said of acks) if (said !== undefined) ack[said.say](bus, said.subject)
  })
}
