import type {
  AuditPage,
  KeyCreated,
  KeyPage,
  KeyRequest,
  KeyRotation,
  KeyView,
  MeView,
  QueryOf,
  TicketView,
} from '@agentfleet/protocol'
import { queryOf } from './lists.ts'
import { pathPart, type SendCall, type RequestOptions } from './request.ts'

/** Which keys to list. */
export type KeyQuery = RequestOptions & QueryOf<'listKeys'>

type AuditKind = AuditPage['events'][number]['kind']

/** Which events of the audit log to read. */
export type AuditQuery = RequestOptions &
  Omit<QueryOf<'listAudit'>, 'kind'> & { readonly kind?: AuditKind | readonly AuditKind[] }

/** Keys of the API, tickets and the audit log; all but `me` and `ticket` need a key with the scope `admin`. */
export interface KeyClient {
  /** The caller, as the gateway knows it. */
  me(options?: RequestOptions): Promise<MeView>
  /** Makes a key; only this answer contains its secret. */
  createKey(key: KeyRequest, options?: RequestOptions): Promise<KeyCreated>
  keys(query?: KeyQuery): Promise<KeyPage>
  key(id: string, options?: RequestOptions): Promise<KeyView>
  revokeKey(id: string, options?: RequestOptions): Promise<void>
  /** Gives the key a new secret; the former secret works for the overlap, a day by default. */
  rotateKey(id: string, options?: RequestOptions & KeyRotation): Promise<KeyCreated>
  /** Makes a ticket with which a web page opens one stream within 30 seconds. */
  ticket(options?: RequestOptions): Promise<TicketView>
  /** Changes and refusals, newest first. */
  audit(query?: AuditQuery): Promise<AuditPage>
}

/** The methods of keys over these calls. */
export function keyClient(call: SendCall): KeyClient {
  const path = (id: string) => `/v1/keys/${pathPart(id)}`
  return {
    me: ({ signal } = {}) => call('/v1/me', { signal }),
    createKey: (key, { signal } = {}) => call('/v1/keys', { method: 'POST', body: key, signal }),
    keys: ({ signal, ...query } = {}) => call(`/v1/keys${queryOf(query)}`, { signal }),
    key: (id, { signal } = {}) => call(path(id), { signal }),
    revokeKey: (id, { signal } = {}) => call(path(id), { method: 'DELETE', signal }),
    rotateKey: (id, { signal, ...body } = {}) =>
      call(`${path(id)}/rotate`, { method: 'POST', body, signal }),
    ticket: ({ signal } = {}) => call('/v1/tickets', { method: 'POST', signal }),
    audit: ({ signal, ...query } = {}) => call(`/v1/audit${queryOf(query)}`, { signal }),
  }
}
