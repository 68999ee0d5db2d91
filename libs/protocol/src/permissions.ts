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
}

/**
 * Each service has separate inboxes: `_INBOX.>` would let it read the answers to other processes. Within a
 * service that runs one process per node, each node has its own, too.
 */
export function inboxPrefix(service: ServiceName, nodeId?: string): string {
  return nodeId === undefined ? `_INBOX_${service}` : `_INBOX_${service}.${nodeId}`
}

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
  return {
    publish: {
      allow: [
        ...said.map((channel) => filledIn(channel.subject, { service, ...own(channel, 'sender') })),
        ...rights,
        ...(service === 'coordinator' ? [LOGIN_ANSWERS] : []),
        ...SERVICES.filter((name) => askers.includes(name)).map((name) => `${inboxPrefix(name)}.>`),
      ],
    },
    subscribe: {
      allow: [
        ...heard.map((channel) => filledIn(channel.subject, own(channel, 'listener'))),
        ...(service === 'coordinator' ? [LOGIN_SUBJECT] : []),
        `${inboxPrefix(service, nodeId)}.>`,
      ],
    },
  }
}
