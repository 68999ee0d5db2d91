import type { FailureCode } from './failure-code.ts'

/** The part of the table of failure codes that concerns callers: their keys, rights and limits. */
export const CALLER_CODES = {
  unauthorized: {
    says: 'The request has no valid API key.',
    http: { status: 401, title: 'The request has no valid API key' },
  },
  'too-many-failures': {
    says: 'The IP address of the client sent too many wrong keys.',
    http: { status: 429, title: 'The IP address sent too many wrong keys', retryAfterS: 1 },
  },
  'host-refused': {
    says: 'The gateway does not accept the host name in the request.',
    http: { status: 403, title: 'The gateway does not accept this host name' },
  },
  'origin-refused': {
    says: 'A web page sent the request, and web pages of its origin may not call the API.',
    http: { status: 403, title: 'Web pages of this origin may not call the API' },
  },
  'scope-missing': {
    says: 'The key lacks the scope of the operation.',
    http: { status: 403, title: 'The key lacks the scope of the operation' },
    frame: true,
  },
  'agent-not-allowed': {
    says: 'The key may not use the agent of the task.',
    http: { status: 403, title: 'The key may not use this agent' },
  },
  'operators-only': {
    says: 'The key does not belong to an operator; keys with the scope `admin` may read only the usage of all tenants.',
    http: { status: 403, title: 'The key may not read figures of all tenants' },
  },
  'other-key-required': {
    says: 'The key submitted the task, and the task demands that a different key decides.',
    http: { status: 403, title: 'Another key must decide on the step' },
  },
  'rate-limited': {
    says: 'The key has sent more requests than its limit allows.',
    http: { status: 429, title: 'The key sends too many requests', retryAfterS: 1 },
  },
  'too-many-requests-open': {
    says: 'The key, the connection or the IP address of the caller already has the maximum number of open requests.',
    http: { status: 429, title: 'Too many requests are open', retryAfterS: 1 },
  },
  'key-not-found': {
    says: 'No key of the API has this id.',
    http: { status: 404, title: 'The key does not exist' },
  },
  'keys-full': {
    says: 'The store of keys is nearly full.',
    http: { status: 409, title: 'The store of keys is nearly full' },
  },
  'key-revoked': {
    says: 'The key is revoked or has expired, and cannot be changed.',
    http: { status: 409, title: 'The key has ended' },
  },
  'issuer-unavailable': {
    says: 'The issuer of the token (JWT_ISSUER) does not answer.',
    http: {
      status: 503,
      title: 'The token issuer does not answer',
      retryAfterS: 2,
      unchanged: true,
    },
  },
} as const satisfies Record<string, FailureCode>
