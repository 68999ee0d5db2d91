import { ServiceError } from '../errors.ts'

/**
 * The formats of stored items. Each item names its format, and each stream that of the newest item it may
 * hold; an item without one has format 1. A number is raised when an older release would misread the items of
 * a newer one; the older release then refuses them.
 */
export const FORMATS = {
  event: 1,
  pointer: 1,
  record: 1,
  definition: 1,
  schedule: 1,
  key: 1,
  audit: 1,
} as const
/** A kind of stored items. */
export type StoredKind = keyof typeof FORMATS

/** A stored item, with its format. */
export function toStored(item: object, kind: StoredKind): string {
  return `${JSON.stringify(item).slice(0, -1)},"format":${FORMATS[kind]}}`
}

/** The stored item without its format; throws `newer-format` if this release cannot read it. */
export function fromStored(text: string, kind: StoredKind): unknown {
  return withoutFormat(JSON.parse(text), kind)
}

/** The same for a parsed item; the item is changed. */
export function withoutFormat(value: unknown, kind: StoredKind): unknown {
  const item = value as { format?: unknown } | null
  if (item === null || typeof item !== 'object' || item.format === undefined) return item
  requireFormat(item.format, kind, `this ${kind}`)
  delete item.format
  return item
}

/** Throws `newer-format` when a stored item has a format that this release does not know. */
export function requireFormat(format: unknown, kind: StoredKind, what: string): void {
  const known = FORMATS[kind]
  if (typeof format === 'number' && format <= known) return
  throw new ServiceError(
    'newer-format',
    `${what} has the format ${String(format)} and this release reads formats up to ${known}: start the release that stored it, or a newer one`,
    { retryable: false },
  )
}
