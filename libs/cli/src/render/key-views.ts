import { ago, plural } from '@agentfleet/domain'
import type { AuditPage, KeyView, MeView } from '@agentfleet/protocol'
import { msOf, time } from './formats.ts'
import { fields, listing, stateCell, type Look } from './table.ts'

/** Keys, one a row. */
export function keyTable(keys: readonly KeyView[], look: Look, nowMs: number): string {
  return listing(keys, look, [
    ['KEY', ({ id }) => id],
    ['STATE', ({ state }) => stateCell(state)],
    ['TENANT', ({ tenant }) => tenant],
    ['MADE', ({ createdAt }) => ago(msOf(createdAt), nowMs)],
    [
      'EXPIRES',
      ({ expiresAt }) => (expiresAt === undefined ? 'never' : ago(msOf(expiresAt), nowMs)),
    ],
    ['SCOPES', ({ scopes }) => scopes.join(', ')],
    ['FOR', ({ name }) => name],
  ])
}

/** Events of the audit log, one a row; `keys` give the ids of the callers their names, if the keys have names. */
export function auditTable(
  events: AuditPage['events'],
  keys: readonly Pick<KeyView, 'id' | 'name'>[],
  look: Look,
): string {
  const names = new Map(keys.map(({ id, name }) => [id, name]))
  return listing(events, look, [
    ['AT', ({ at }) => time(at)],
    ['WHO', ({ keyId }) => names.get(keyId ?? '') ?? keyId ?? '—'],
    [{ name: 'KEY', leaves: 5 }, ({ keyId }) => keyId ?? '—'],
    [{ name: 'TENANT', leaves: 4 }, ({ tenant }) => tenant ?? '—'],
    ['OPERATION', ({ operation }) => operation],
    [{ name: 'ABOUT', leaves: 1 }, ({ target }) => target ?? '—'],
    [{ name: 'FROM', leaves: 3 }, ({ address }) => address ?? '—'],
    [{ name: 'RESULT', leaves: 2 }, resultText],
  ])
}

function resultText({ kind, status, code, count }: AuditPage['events'][number]): string {
  const unknown = kind === 'unknown' ? 'outcome unknown: ' : ''
  const reason = code === undefined ? '' : ` ${code}`
  return `${unknown}${status}${reason}${count > 1 ? ` ${count} times` : ''}`
}

/** One key, without its secret. */
export function keyDetails(key: KeyView, look: Look): string {
  return fields(
    [
      ['key', key.id],
      ['for', key.name],
      ['state', stateCell(key.state)],
      ['tenant', key.tenant],
      ['scopes', key.scopes.join(', ')],
      ['agents', key.agents?.join(', ')],
      ['limits', limitsText(key.limits)],
      ['made', `${time(key.createdAt)} by ${key.createdBy}`],
      ['expires', key.expiresAt && time(key.expiresAt)],
      ['revoked', key.revokedAt && time(key.revokedAt)],
      ['former secret', key.formerSecretUntil && `works until ${time(key.formerSecretUntil)}`],
    ],
    look,
  )
}

function limitsText(limits: KeyView['limits']): string | undefined {
  if (limits === undefined) return undefined
  const { requestsPerMinute, concurrent } = limits
  return [
    requestsPerMinute !== undefined && `${plural(requestsPerMinute, 'request')} a minute`,
    concurrent !== undefined && `${plural(concurrent, 'open request')} at a time`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** The caller, as the gateway knows it. */
export function meDetails(me: MeView, look: Look): string {
  return fields(
    [
      ['key', me.keyId],
      ['tenant', me.tenant],
      ['scopes', me.scopes.join(', ')],
      ['agents', me.agents?.join(', ')],
      ['limits', limitsText(me.limits)],
      ['expires', me.expiresAt && time(me.expiresAt)],
    ],
    look,
  )
}
