import { ALL_CHANNELS, filledIn, STREAM_RIGHTS, type Channel } from './channels/index.ts'
import { SERVICES, type ServiceName } from './services.ts'

/**
 * The bus permissions of each service (L9), derived from the channels: one NATS user per service, everything
 * else denied. The one-machine fleet, docker-compose.yml and k8s/ make their server configuration from them.
 */

/** Subjects a user may publish and subscribe to. */
export interface Permissions {
  readonly publish: { readonly allow: readonly string[] }
  readonly subscribe: { readonly allow: readonly string[] }
  /** The user may answer each request that it receives, wherever the answer goes; absent: `publish` decides. */
  readonly responses?: { readonly max: number; readonly expiresMs: number }
}

/** A node answers a request once, in one message, milliseconds after the request; its sender waits for seconds. */
const NODE_RESPONSES = { max: 1, expiresMs: 60_000 }

/**
 * Each service has separate inboxes: `_INBOX.>` would let it read the answers to other processes. Within a
 * service that runs one process per node, each node has its own, too.
 */
export function inboxPrefix(service: ServiceName, nodeId?: string): string {
  return nodeId === undefined ? `${INBOXES}_${service}` : `${INBOXES}_${service}.${nodeId}`
}
const INBOXES = '_INBOX'
const OWN_INBOXES = Object.fromEntries(
  SERVICES.map((name) => [name, `${INBOXES}_${name}.`]),
) as Readonly<Record<ServiceName, string>>

/** Where the server asks which permissions a connection gets, and where it hears the answer. */
export const LOGIN_SUBJECT = '$SYS.REQ.USER.AUTH'
const LOGIN_ANSWERS = '$SYS._INBOX.>'

/**
 * The permissions of one service's user, from the channels and the rights on streams. With a node id, those of
 * that node alone: where a channel says whose node a subject names, it is this one.
 */
export function permissionsOf(service: ServiceName, nodeId?: string): Permissions {
  const said = ALL_CHANNELS.filter(({ senders }) => senders.includes(service))
  const heard = ALL_CHANNELS.filter(({ listeners }) => listeners.includes(service))
  // Answers go to the inbox of the process that asked, so a responder may publish to the inboxes of its
  // askers only.
  const askers = heard.flatMap(({ reply, senders }) => (reply === undefined ? [] : senders))
  const rights = Object.values(STREAM_RIGHTS).flatMap((stream) => stream[service] ?? [])
  const own = ({ ownNode }: Channel, side: 'sender' | 'listener') =>
    ownNode === side ? { nodeId } : {}
  const inboxes = SERVICES.filter((name) => askers.includes(name)).map((name) => inboxPrefix(name))
  return {
    publish: {
      allow: [
        ...said.map((channel) => filledIn(channel.subject, { service, ...own(channel, 'sender') })),
        ...rights,
        ...(service === 'coordinator' ? [LOGIN_ANSWERS] : []),
        ...(nodeId === undefined ? inboxes.map((inbox) => `${inbox}.>`) : []),
      ],
    },
    subscribe: {
      allow: [
        ...heard.map((channel) => filledIn(channel.subject, own(channel, 'listener'))),
        ...(service === 'coordinator' ? [LOGIN_SUBJECT] : []),
        `${inboxPrefix(service, nodeId)}.>`,
      ],
    },
    ...(nodeId === undefined ? {} : { responses: NODE_RESPONSES }),
  }
}

/**
 * Whether an answer may go to this reply subject: an inbox of a service that may send the request. The sender
 * chooses the reply subject, and the receiver publishes there with its own rights; without this check a node could
 * make a coordinator write to the log or purge it (L9).
 */
export function mayAnswer({ senders }: Pick<Channel, 'senders'>, reply: string): boolean {
  if (!reply.startsWith(INBOXES)) return false
  const owner = SERVICES.find((name) => reply.startsWith(OWN_INBOXES[name]))
  // The inbox of a tool or a test; NATS decides whether this process may publish there.
  return owner === undefined || senders.includes(owner)
}
