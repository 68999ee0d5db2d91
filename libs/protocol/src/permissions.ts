import { ALL_CHANNELS, filledIn, STREAM_RIGHTS } from './channels/index.ts'
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

/** Each service has its own inboxes: with `_INBOX.>` it could read the answers of the others. */
export function inboxPrefix(service: ServiceName): string {
  return `_INBOX_${service}`
}

/** The permissions of one service's user, as the channels and the rights on streams say. */
export function permissionsOf(service: ServiceName): Permissions {
  const said = ALL_CHANNELS.filter(({ senders }) => senders.includes(service))
  const heard = ALL_CHANNELS.filter(({ listeners }) => listeners.includes(service))
  // Answers go to the inbox of the process that asked, so a responder may publish to the inboxes of its
  // askers only.
  const askers = heard.flatMap(({ reply, senders }) => (reply === undefined ? [] : senders))
  const rights = Object.values(STREAM_RIGHTS).flatMap((stream) => stream[service] ?? [])
  return {
    publish: {
      allow: [
        ...said.map(({ subject }) => filledIn(subject, { service })),
        ...rights,
        ...SERVICES.filter((name) => askers.includes(name)).map((name) => `${inboxPrefix(name)}.>`),
      ],
    },
    subscribe: {
      allow: [...heard.map(({ subject }) => filledIn(subject)), `${inboxPrefix(service)}.>`],
    },
  }
}
