import {
  CHANNELS,
  requireItem,
  STREAMS,
  SUBJECTS,
  ServiceError,
  toStored,
  type Identity,
} from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { createAppender } from '../log/appends.ts'
import { readMessage } from '../log/stream-reads.ts'

/** Which secret each name of a node belongs to, on OPS. */
export interface Identities {
  /** The digest that the name belongs to; undefined if no node has had it. Throws if it cannot be read. */
  known(nodeId: string): Promise<string | undefined>
  /** Gives the name to this secret if it is free; of several coordinators one wins. Returns the owner's digest. */
  bind(nodeId: string, digest: string, nowMs: number): Promise<string>
}

/** The server waits two seconds for an answer to a login, milliseconds. */
const APPEND_WITHIN_MS = 1_500

/** Reads and writes identities over this connection. */
export function openIdentities(bus: Bus): Identities {
  const appender = createAppender(bus)
  const known = async (nodeId: string): Promise<string | undefined> => {
    const query = { last_by_subj: SUBJECTS.opsIdentity(nodeId) }
    const message = await readMessage(bus, STREAMS.ops, query)
    // An unreadable owner keeps its name, because a guess would give the name to another secret.
    return message && requireItem(CHANNELS.identity, message.text).digest
  }
  return {
    known,
    async bind(nodeId, digest, atMs) {
      const identity: Identity = { digest, atMs }
      const answer = await appender.append({
        subject: SUBJECTS.opsIdentity(nodeId),
        data: toStored(identity, 'control-plane record'),
        expectSeq: 0,
        deadlineMs: APPEND_WITHIN_MS,
      })
      if (answer.kind === 'stored') return digest
      const owner = answer.kind === 'conflict' ? await known(nodeId) : undefined
      if (owner !== undefined) return owner
      throw new ServiceError('bus-unavailable', `the name ${nodeId} is not bound: ${answer.kind}`)
    },
  }
}
