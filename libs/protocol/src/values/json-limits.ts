import { SPEC_LIMITS } from '@agentfleet/domain'

/** Largest size and depth of a JSON value. */
export interface JsonLimits {
  /** Levels of nested lists and objects. */
  readonly depthMax: number
  /** Bytes of it as compact JSON. */
  readonly bytesMax: number
}

/** The limits of the context of a task or goal. */
export const CONTEXT_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.contextDepthMax,
  bytesMax: SPEC_LIMITS.contextBytesMax,
}
/** The limits of the schema of a result. */
export const RESPONSE_SCHEMA_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.schemaDepthMax,
  bytesMax: SPEC_LIMITS.schemaBytesMax,
}

/** The fault in the size of a JSON value, in words that follow its name; undefined: none. */
export function jsonProblem(
  value: unknown,
  { depthMax, bytesMax }: JsonLimits,
): string | undefined {
  switch (faultIn(value, depthMax, { bytes: 0, bytesMax })) {
    case 'depth':
      return `must be at most ${depthMax} levels deep`
    case 'number':
      return 'must have numbers below 1.8e308 only; send a larger number as text'
    case 'bytes':
      return `must be at most ${bytesMax / 1024} KiB as compact JSON`
    case undefined:
      return undefined
  }
}

/** Whether a value has at most so many bytes as compact JSON; the count ends above them. */
export function isSmallJson(value: unknown, bytesMax: number): boolean {
  return faultIn(value, Infinity, { bytes: 0, bytesMax }) === undefined
}

/** The bytes of the parts that were counted, and the limit. */
interface Count {
  bytes: number
  readonly bytesMax: number
}

/**
 * Counts the bytes of a value as compact JSON without writing it, in one walk: of a value with tens of thousands of
 * parts, writing alone takes as long.
 */
function faultIn(
  value: unknown,
  levels: number,
  count: Count,
): 'depth' | 'number' | 'bytes' | undefined {
  if (typeof value === 'string') count.bytes += textBytes(value)
  else if (typeof value === 'number') {
    // A number such as 1e400 is read as infinity, which would be stored as null.
    if (!Number.isFinite(value)) return 'number'
    count.bytes += String(value).length
  } else if (typeof value !== 'object' || value === null) count.bytes += value === false ? 5 : 4
  else if (levels === 0) return 'depth'
  else if (Array.isArray(value)) {
    // Two brackets, and a comma less than there are items.
    count.bytes += value.length === 0 ? 2 : 1
    for (const item of value) {
      count.bytes += 1
      const fault = faultIn(item, levels - 1, count)
      if (fault !== undefined) return fault
    }
  } else {
    let fields = 0
    for (const name of Object.keys(value)) {
      const field = (value as Readonly<Record<string, unknown>>)[name]
      if (field === undefined) continue
      fields += 1
      count.bytes += textBytes(name) + 2
      const fault = faultIn(field, levels - 1, count)
      if (fault !== undefined) return fault
    }
    count.bytes += fields === 0 ? 2 : 1
  }
  return count.bytes > count.bytesMax ? 'bytes' : undefined
}

/** Printable ASCII without the characters that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/
/** Characters that JSON escapes, and control characters that it does not. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u

function textBytes(text: string): number {
  if (PLAIN.test(text)) return text.length + 2
  return ESCAPED.test(text) ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2
}
