import { ago, plural } from '@agentfleet/domain'
import type { AuditPage, KeyView, MeView } from '@agentfleet/protocol'
import { msOf, time } from './formats.ts'
import { fields, stateCell, table, type Look } from './table.ts'

/** Keys, one a row. */
export function keyTable(keys: readonly KeyView[], look: Look, nowMs: number): string {
  return table(
    ['KEY', 'STATE', 'TENANT', 'MADE', 'EXPIRES', 'SCOPES', 'FOR'],
    keys.map((key) => [
      key.id,
      stateCell(key.state),
      key.tenant,
      ago(msOf(key.createdAt), nowMs),
      key.expiresAt === undefined ? 'never' : ago(msOf(key.expiresAt), nowMs),
      key.scopes.join(', '),
      key.name,
    ]),
    look,
  )
}

/** Events of the audit log, one a row; `keys` give the ids of the callers their names, if the keys have names. */
export function auditTable(
  events: AuditPage['events'],
  keys: readonly Pick<KeyView, 'id' | 'name'>[],
  look: Look,
): string {
  const names = new Map(keys.map(({ id, name }) => [id, name]))
  return table(
    [
      'AT',
      'WHO',
      { name: 'KEY', leaves: 5 },
      { name: 'TENANT', leaves: 4 },
      'OPERATION',
      { name: 'ABOUT', leaves: 1 },
      { name: 'FROM', leaves: 3 },
      { name: 'RESULT', leaves: 2 },
    ],
    events.map(({ at, kind, keyId, tenant, operation, target, address, status, code, count }) => [
      time(at),
      names.get(keyId ?? '') ?? keyId ?? '—',
      keyId ?? '—',
      tenant ?? '—',
      operation,
      target ?? '—',
      address ?? '—',
      [
        ...(kind === 'unknown' ? ['outcome unknown:'] : []),
        status,
        ...(code === undefined ? [] : [code]),
        ...(count > 1 ? [`${count} times`] : []),
      ].join(' '),
    ]),
    look,
  )
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
