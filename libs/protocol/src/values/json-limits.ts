import { SPEC_LIMITS } from '@agentfleet/domain'

/** How large and how deep a JSON value may be. */
export interface JsonLimits {
  /** Lists and objects inside each other. */
  readonly depthMax: number
  /** Bytes of it as compact JSON. */
  readonly bytesMax: number
}

/** Those of the context of a task or goal. */
export const CONTEXT_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.contextDepthMax,
  bytesMax: SPEC_LIMITS.contextBytesMax,
}
/** Those of the schema of a result. */
export const RESPONSE_SCHEMA_LIMITS: JsonLimits = {
  depthMax: SPEC_LIMITS.schemaDepthMax,
  bytesMax: SPEC_LIMITS.schemaBytesMax,
}

/** What is wrong with the size of a JSON value, in words that follow its name; undefined: nothing. */
export function jsonProblem(
  value: unknown,
  { depthMax, bytesMax }: JsonLimits,
): string | undefined {
  // The depth comes first: what is far too deep cannot even be written.
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
