import type { FailureCode } from './failure-code.ts'

/** The part of the table of failure codes that concerns callers: their keys, rights and limits. */
export const CALLER_CODES = {
  unauthorized: {
    says: 'The request has no valid API key.',
    http: { status: 401, title: 'No valid API key' },
  },
  'too-many-failures': {
    says: 'The address sent too many wrong keys.',
    http: { status: 429, title: 'Too many wrong keys', retryAfterS: 1 },
  },
  'host-refused': {
    says: 'The request names a host that is not a name of this gateway.',
    http: { status: 403, title: 'This host is not a name of the gateway' },
  },
  'origin-refused': {
    says: 'A web page of this origin may not connect.',
    http: { status: 403, title: 'This web page may not connect' },
  },
  'scope-missing': {
    says: 'The key lacks the scope of the operation.',
    http: { status: 403, title: 'The key lacks a scope' },
    frame: true,
  },
  'agent-not-allowed': {
    says: 'The key may not use the agent of the task.',
    http: { status: 403, title: 'The key may not use this agent' },
  },
  'operators-only': {
    says: 'The key does not belong to an operator.',
    http: { status: 403, title: 'Only operators may read this' },
  },
  'other-key-required': {
    says: 'The task asks for the approval of another key than that of its submitter.',
    http: { status: 403, title: 'Another key must approve' },
  },
  'rate-limited': {
    says: 'The key sends more requests than its limit allows.',
    http: { status: 429, title: 'The key sends too many requests', retryAfterS: 1 },
  },
  'too-many-requests-open': {
    says: 'The key has the most requests and streams open that its limit allows.',
    http: { status: 429, title: 'Too many requests are open', retryAfterS: 1 },
  },
  'key-not-found': {
    says: 'No key of the API has this id.',
    http: { status: 404, title: 'No such key' },
  },
  'keys-full': {
    says: 'The store of keys is nearly full.',
    http: { status: 409, title: 'Too many keys' },
  },
  'key-revoked': {
    says: 'The key is revoked and cannot be changed.',
    http: { status: 409, title: 'The key is revoked' },
  },
  'issuer-unavailable': {
    says: 'The issuer of tokens does not answer.',
    http: { status: 503, title: 'The token issuer does not answer', retryAfterS: 2 },
  },
} as const satisfies Record<string, FailureCode>
