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
  // The depth comes first: a value that is far too deep cannot even be serialised.
  if (!withinDepth(value, depthMax)) return `must be at most ${depthMax} levels deep`
  if (Buffer.byteLength(JSON.stringify(value) ?? '') <= bytesMax) return undefined
  return `must be at most ${bytesMax / 1024} KiB as compact JSON`
}

function withinDepth(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return true
  if (levels === 0) return false
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value)
  return inner.every((each) => withinDepth(each, levels - 1))
}
