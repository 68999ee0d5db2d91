import { ServiceError } from '../errors.ts'

/**
 * The formats of what is stored. Each stored item says its own, and each stream that of the newest item it
 * may hold; what says none is of format 1. A number is raised when an older release would misread what
 * a newer one stores: the older one then refuses it instead.
 */
export const FORMATS = { event: 1, pointer: 1, record: 1, definition: 1, schedule: 1 } as const
/** A kind of stored items. */
export type StoredKind = keyof typeof FORMATS

/** An item as it is stored, with its format. */
export function toStored(item: object, kind: StoredKind): string {
  return `${JSON.stringify(item).slice(0, -1)},"format":${FORMATS[kind]}}`
}

/** What was stored, without its format; throws `newer-format` at what this release cannot read. */
export function fromStored(text: string, kind: StoredKind): unknown {
  return withoutFormat(JSON.parse(text), kind)
}

/** The same of an item that was parsed already; it is changed. */
export function withoutFormat(value: unknown, kind: StoredKind): unknown {
  const item = value as { format?: unknown } | null
  if (item === null || typeof item !== 'object' || item.format === undefined) return item
  requireFormat(item.format, kind, `this ${kind}`)
  delete item.format
  return item
}

/** Throws `newer-format` when something stored is of a format that this release does not know. */
export function requireFormat(format: unknown, kind: StoredKind, what: string): void {
  const known = FORMATS[kind]
  if (typeof format === 'number' && format <= known) return
  throw new ServiceError(
    'newer-format',
    `${what} has the format ${String(format)} and this release reads formats up to ${known}: start the release that stored it, or a newer one`,
    { retryable: false },
  )
}
